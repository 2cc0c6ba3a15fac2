"""Knowledge alignment: steering a sample towards an anticipated value (Gao et al. 2023, sec. 3.3).

A knowledge network reads a value off the noisy sample; the violation is its distance from what is
anticipated, and the sampling step moves against the violation's gradient:

    U_n = | mean over frames of knowledge(z_t, t)_n - a_n |_2
    z_{t-1} <- z_{t-1} - scale * guidance_sigma_t * grad_{z_t} U_n

Differs: the reference takes one norm over the whole batch, so its samples pull on each other; here
every sample has its own. For a batch of one both are the same.
"""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, nn, ops

SMALLEST_SQUARE = 1e-20  # below it the violation counts as met: no gradient, and no 0/0
# A gradient of so many entries is small; what a network computes in float16 would be lost below
# 6e-8. A power of two changes no bit of what it computes in float32.
GRADIENT_SCALE = 2.0**12


class AlignmentViolation(nn.Cell):
    """U (N,) for a knowledge network giving (N, frames, values) or (N, values)."""

    def __init__(self, knowledge: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.knowledge = knowledge

    def construct(
        self, z: Tensor, t: Tensor, target: Tensor, *known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """z (N, ...), t (N,) int32, target (N, values); known: what the knowledge takes after t.
        Gives (`GRADIENT_SCALE` times the sum of U, U)."""
        values = self.knowledge(z, t, *known)
        if values.ndim == 3:
            values = values.mean(axis=1)
        excess = values - target
        violation = ops.sqrt(ops.maximum((excess * excess).sum(axis=-1), SMALLEST_SQUARE))
        return violation.sum() * GRADIENT_SCALE, violation


class AlignmentGuidance(nn.Cell):
    """Gradient of each sample's violation with respect to that sample.

    The samples do not meet inside the knowledge network, so the gradient of the sum of U holds
    the gradient of every U_n in row n. The network must be in evaluation mode.
    """

    def __init__(self, knowledge: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.violation = AlignmentViolation(knowledge)
        self.differentiate = ms.value_and_grad(self.violation, 0, None, has_aux=True)

    def construct(
        self, z: Tensor, t: Tensor, target: Tensor, *known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Arguments as those of `AlignmentViolation`. Gives (gradient like z, U (N,))."""
        (_, violation), gradient = self.differentiate(z, t, target, *known)
        return gradient * (1 / GRADIENT_SCALE), violation
