"""AdamW on the fused Adam kernel, and clipping by the global norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

TABLES = frozenset(
    {
        "pos_embed",
        "positional_embedding",
        "relative_position_bias_table",
        "relative_attention_bias",
    }
)
NORMS = frozenset({"gamma", "g"})  # gains that carry the axes of what they multiply
NORM_GUARD = 1e-6


def decayed(parameter: Parameter) -> bool:
    """Whether weight decay acts on a parameter: matrices and kernels yes, all others no.

    Left alone are 1-D parameters (biases, norms, log variances), gains of norms in any shape and
    learned position tables.
    Differs: the reference decays everything.
    """
    return parameter.ndim > 1 and (TABLES | NORMS).isdisjoint(parameter.name.split("."))


class AdamW(nn.Cell):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    The order is PyTorch's: first p <- p (1 - learning_rate weight_decay) for every parameter that
    `decays` picks, then the Adam step. Plain Adam is weight_decay = 0; `rate_factor` multiplies the
    learning rate in both. The moments are parameters named <prefix>.moment1.<name> and
    <prefix>.moment2.<name>. The caller keeps the step count.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        decays: Callable[[Parameter], bool] = decayed,
        eps: float = 1e-8,
        prefix: str = "adam",
        rate_factor: float = 1.0,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.parameters = ParameterTuple(parameters)
        self.moment1 = self.parameters.clone(f"{prefix}.moment1", init="zeros")
        self.moment2 = self.parameters.clone(f"{prefix}.moment2", init="zeros")
        self.shrinking = ParameterTuple([p for p in parameters if decays(p)])
        self.weight_decay = weight_decay if len(self.shrinking) else 0.0
        self.beta1 = Tensor(np.float32(betas[0]))
        self.beta2 = Tensor(np.float32(betas[1]))
        self.eps, self.rate_factor = eps, rate_factor
        self.each = ops.HyperMap()

    def state(self) -> list[Parameter]:
        """The moments: with the weights and the step count, all that the next step depends on."""
        return [*self.moment1, *self.moment2]

    def construct(
        self,
        gradients: tuple[Tensor, ...],
        learning_rate: Tensor,
        beta1_power: Tensor,
        beta2_power: Tensor,
        factor: Tensor,
    ) -> Tensor:
        """One step with `factor` times the gradients, in the parameters' order; returns its
        learning rate.

        learning_rate, beta1_power = beta1^t, beta2_power = beta2^t (t = 1 first) and factor are
        scalar float32 tensors. The factor comes here and not before: no second copy of all
        gradients is made.
        """
        # With m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) the step is lr m' / (sqrt(v') +
        # eps). The kernel computes lr c / (1 - beta1^t) m / (sqrt(v) + e), c = sqrt(1 - beta2^t);
        # dividing its fraction by c shows that e = eps c makes the two equal.
        eps = self.eps * ops.sqrt(1 - beta2_power)
        learning_rate = learning_rate * self.rate_factor
        if self.weight_decay > 0:
            self.each(ops.partial(_shrink, 1 - learning_rate * self.weight_decay), self.shrinking)
        adam = ops.partial(
            _adam, beta1_power, beta2_power, learning_rate, self.beta1, self.beta2, eps, factor
        )
        self.each(adam, self.parameters, self.moment1, self.moment2, gradients)
        return learning_rate


def clipping(gradients: tuple[Tensor, ...], limit: float, scale: Tensor) -> tuple[Tensor, Tensor]:
    """What brings gradients to their means and below the limit, and the 2-norm of the means.

    scale: of the sums that are given, for their means. The factor is scale times
    min(1, limit / (norm + 1e-6)), the norm over all tensors.
    """
    norm = ops.sqrt(ops.addn(_each(_sum_of_squares, gradients))) * scale
    return scale * ops.minimum(limit / (norm + NORM_GUARD), Tensor(np.float32(1))), norm


def added(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Gradients of two micro-batches, summed."""
    return _each(_sum, one, other)


# One function for all tensors, mapped over them: a Python loop over hundreds of parameters takes
# minutes to compile.
_each = ops.HyperMap()
_sum_of_squares = ops.MultitypeFuncGraph("sum_of_squares")
_sum = ops.MultitypeFuncGraph("sum")
_shrink = ops.MultitypeFuncGraph("shrink")
_adam = ops.MultitypeFuncGraph("adam")
_kernel = ops.Adam()


@_sum_of_squares.register("Tensor")
def _sum_of_squares_of_one(gradient):
    # along rows first: on CPU a full reduction costs ten times as much
    rows = gradient.reshape(gradient.shape[0], -1) if gradient.ndim > 1 else gradient.reshape(1, -1)
    return (rows * rows).sum(axis=1).sum()


@_sum.register("Tensor", "Tensor")
def _sum_of_two(one, other):
    return one + other


@_shrink.register("Tensor", "Tensor")
def _shrink_one(factor, parameter):
    return ops.assign(parameter, parameter * factor)


@_adam.register(*["Tensor"] * 11)
def _adam_one(
    power1, power2, learning_rate, beta1, beta2, eps, factor, p, moment1, moment2, gradient
):
    gradient = gradient * factor
    return _kernel(p, moment1, moment2, power1, power2, learning_rate, beta1, beta2, eps, gradient)
