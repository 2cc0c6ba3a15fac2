"""Running a sampler's plan: one step, which may be compiled, looped over in Python.

The loop stays outside the graph, and so does what a plan adds of earlier estimates: one compilation
serves any plan, as times and coefficients enter as tensors. All random numbers come from NumPy, one
stream for each row of the batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from mindspore import Tensor, nn

from mindcast.diffusion.noising import constant
from mindcast.diffusion.prediction import ToX0
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import SamplerStep

Estimated = tuple[Tensor, Tensor]  # the next x and the estimate of x_0 that it was made with


class Noise(Protocol):
    """Where a run takes its random numbers from."""

    def draw(self) -> np.ndarray:
        """The next standard normal array (N, ...) float32."""
        ...


class MemberNoise:
    """Noise in which row n depends on (seed, rows[n]) alone, not on the other rows.

    rows: (case key, ensemble member) of every row of the batch, non-negative integers.
    shape: of one row, without the batch axis.
    """

    def __init__(self, seed: int, rows: Sequence[tuple[int, int]], shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.streams = [
            np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key, member])))
            for key, member in rows
        ]

    def draw(self) -> np.ndarray:
        """The next standard normal array (N, *shape) float32."""
        return np.stack([s.standard_normal(self.shape, np.float32) for s in self.streams])


class SamplingStep(nn.Cell):
    """x_t -> the next, less noisy x of a plan, and the estimate of x_0 that it was made with.

    denoise: cell (x (N, ...), t (N,) int32, *conditioning) -> prediction of kind `prediction`.
    clip: limits of the estimated x_0, or None; quantile: dynamic ones instead, see `ToX0`.
    Networks must be in evaluation mode.
    """

    def __init__(
        self,
        denoise: nn.Cell,
        process: DiffusionProcess,
        prediction: str = "epsilon",
        clip: tuple[float, float] | None = None,
        quantile: float | None = None,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.denoise = denoise
        self.to_x0 = ToX0(process, prediction, clip, quantile)

    def construct(
        self, x: Tensor, t: Tensor, coefficients: Tensor, noise: Tensor, *conditioning: Tensor
    ) -> Estimated:
        """coefficients: `SamplerStep.coefficients` (4,); noise like x, anything where sigma = 0."""
        x0 = self.to_x0(self.denoise(x, t, *conditioning), x, t)
        return coefficients[0] * x0 + coefficients[1] * x + coefficients[2] * noise, x0


class GuidedSamplingStep:
    """A sampling step shifted by `scale` * guidance_sigma against the gradient of a violation.

    The shift moves x alone; the estimate of x_0 is handed through, so every sampler can be guided.

    step: a `SamplingStep`. guidance: (x, t, target) -> (gradient like x, violation), such as an
    `AlignmentGuidance`; where it is `conditioned`, it takes the conditioning after the target. Each
    may be compiled, but apart: networks of one family bear the same parameter names, which
    MindSpore refuses within one graph. So this is not a cell.
    """

    def __init__(
        self,
        step: Callable[..., Estimated],
        guidance: Callable[..., tuple],
        scale: float,
        conditioned: bool = False,
    ) -> None:
        self.step, self.guidance = step, guidance
        self.scale, self.conditioned = scale, conditioned

    def __call__(
        self,
        x: Tensor,
        t: Tensor,
        coefficients: Tensor,
        noise: Tensor,
        target: Tensor,
        *conditioning: Tensor,
    ) -> Estimated:
        """As `SamplingStep`, with the guidance's target before the conditioning."""
        known = conditioning if self.conditioned else ()
        gradient, _ = self.guidance(x, t, target, *known)
        shift = self.scale * coefficients[3] * gradient
        following, x0 = self.step(x, t, coefficients, noise, *conditioning)
        return following - shift, x0


def sample(
    step: Callable[..., Estimated],
    plan: Sequence[SamplerStep],
    noise: Noise,
    conditioning: Sequence[Tensor] = (),
    progress: Callable[[int], object] | None = None,
    record: Callable[[SamplerStep, np.ndarray], None] | None = None,
) -> np.ndarray:
    """Follow `plan` from pure noise; the final x (N, ...) float32.

    step: a `SamplingStep`, a compiled one, or a `GuidedSamplingStep`. Of its estimates of x_0 as
        many are kept as the plan needs.
    noise: drawn from once for the start, then once in every step with sigma > 0.
    conditioning: what the step takes after the noise, one row a sample.
    progress(rows): called after each step. record(step, x): gets every state after its step.
    """
    x = Tensor(noise.draw())
    unused = Tensor(np.zeros(x.shape, np.float32))
    remembered = max((len(planned.earlier) for planned in plan), default=0)
    estimates: deque[Tensor] = deque(maxlen=remembered)
    for planned in plan:
        fresh = Tensor(noise.draw()) if planned.sigma > 0 else unused
        t = Tensor(np.full(x.shape[0], planned.t, np.int32))
        x, x0 = step(x, t, constant(planned.coefficients), fresh, *conditioning)
        for k, coefficient in enumerate(planned.earlier):
            x = x + coefficient * estimates[k]
        estimates.appendleft(x0)
        if record is not None:
            record(planned, x.asnumpy())
        if progress is not None:
            progress(x.shape[0])
    return x.asnumpy()
