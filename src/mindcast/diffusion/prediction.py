"""What a network predicts, and how it becomes an estimate of x_0.

Three kinds (s = sqrt(alpha_bar_t), r = sqrt(1 - alpha_bar_t), x_t = s x_0 + r epsilon):

    kind        target                  x_0
    epsilon     epsilon                 x_t / s - (r / s) output      Ho et al. 2020, eq. 15
    x0          x_0                     output
    v           s epsilon - r x_0       s x_t - r output              Salimans and Ho 2022, sec. 4

Both columns are linear, so a kind is a table of two coefficients each way.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.diffusion.noising import at_time, constant
from mindcast.diffusion.process import DiffusionProcess, vlb_weights
from mindcast.refusal import Refusal

KINDS = ("epsilon", "x0", "v")
Pair = tuple[np.ndarray, np.ndarray]


def x0_coefficients(process: DiffusionProcess, kind: str) -> Pair:
    """(a, b), each (T,): x_0 = a_t x_t + b_t output."""
    return {
        "epsilon": (process.sqrt_recip_alpha_bar, -process.sqrt_recip_alpha_bar_minus_one),
        "x0": (np.zeros(process.timesteps), np.ones(process.timesteps)),
        "v": (process.sqrt_alpha_bar, -process.sqrt_one_minus_alpha_bar),
    }[_known(kind)]


def target_coefficients(process: DiffusionProcess, kind: str) -> Pair:
    """(a, b), each (T,): the training target = a_t x_0 + b_t epsilon."""
    zeros, ones = np.zeros(process.timesteps), np.ones(process.timesteps)
    return {
        "epsilon": (zeros, ones),
        "x0": (ones, zeros),
        "v": (-process.sqrt_one_minus_alpha_bar, process.sqrt_alpha_bar),
    }[_known(kind)]


def loss_weights(process: DiffusionProcess, kind: str) -> np.ndarray:
    """Weight (T,) of the squared error of `kind` in the variational bound.

    An error e of epsilon is one of e r / s in x_0 and of e / s in v; the weights of the other two
    follow from that of epsilon. Differs: the reference takes another formula for x0.
    """
    weights = vlb_weights(
        process.beta, process.posterior_variance, process.alpha, process.alpha_bar
    )
    ratio = {
        "epsilon": 1.0,
        "x0": process.alpha_bar / (1 - process.alpha_bar),
        "v": process.alpha_bar,
    }
    return weights * ratio[_known(kind)]


def snr_weights(
    process: DiffusionProcess, kind: str, largest_snr: float | None = None
) -> np.ndarray:
    """Weight (T,) that makes a squared error of `kind` one of x_0 times SNR, hence of epsilon.

    SNR = alpha_bar / (1 - alpha_bar); the weights are 1 for epsilon, SNR for x0 and alpha_bar for
    v. With `largest_snr` the ratio is limited to it ("min-SNR", Hang et al. 2023).
    """
    snr = process.alpha_bar / (1 - process.alpha_bar)
    limited = snr if largest_snr is None else np.minimum(snr, largest_snr)
    return limited / {"epsilon": snr, "x0": 1.0, "v": snr + 1}[_known(kind)]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Refusal(f"prediction: {kind!r}, expected one of {', '.join(KINDS)}")
    return kind


class ToX0(nn.Cell):
    """Estimate of x_0 from the output of the network at x_t, limited to `clip` where given.

    quantile: instead of a fixed clip, see `DynamicThreshold`.
    """

    def __init__(
        self,
        process: DiffusionProcess,
        kind: str,
        clip: tuple[float, float] | None = None,
        quantile: float | None = None,
    ) -> None:
        super().__init__()
        of_x, of_output = x0_coefficients(process, kind)
        self.of_x, self.of_output, self.clip = constant(of_x), constant(of_output), clip
        self.threshold = None if quantile is None else DynamicThreshold(quantile)

    def construct(self, output: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """output and x (N, ...) of one shape, t (N,) int32."""
        x0 = at_time(self.of_x, t, x) * x + at_time(self.of_output, t, x) * output
        if self.threshold is not None:
            return self.threshold(x0)
        return x0 if self.clip is None else ops.clamp(x0, self.clip[0], self.clip[1])


class DynamicThreshold(nn.Cell):
    """x_0 clipped to [-s, s] and divided by s = max(1, quantile of its |x_0|), for each sample.

    Saharia et al. 2022, section 2.3; the quantile interpolates between the sorted values.
    """

    def __init__(self, quantile: float) -> None:
        super().__init__()
        self.quantile = quantile

    def construct(self, x0: Tensor) -> Tensor:
        """(N, ...) -> the same shape, in [-1, 1]."""
        rows = x0.reshape(x0.shape[0], -1)
        below, share = divmod(self.quantile * (rows.shape[1] - 1), 1)
        ordered = ops.sort(ops.abs(rows), axis=1)[0]
        low = ordered[:, int(below)]
        high = ordered[:, min(int(below) + 1, rows.shape[1] - 1)]
        size = ops.maximum(low + share * (high - low), 1.0).reshape(-1, 1)
        return (ops.maximum(ops.minimum(rows, size), -size) / size).reshape(x0.shape)


class TrainingTarget(nn.Cell):
    """The target of the network at x_t = s x_0 + r noise."""

    def __init__(self, process: DiffusionProcess, kind: str) -> None:
        super().__init__()
        of_x0, of_noise = target_coefficients(process, kind)
        self.of_x0, self.of_noise = constant(of_x0), constant(of_noise)

    def construct(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x0 and noise (N, ...) of one shape, t (N,) int32."""
        return at_time(self.of_x0, t, x0) * x0 + at_time(self.of_noise, t, x0) * noise
