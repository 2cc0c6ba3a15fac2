"""Running a sampler's plan: one step, which may be compiled, looped over in Python.

The loop stays outside the graph, so one compilation serves any plan: times and coefficients enter
as tensors. All random numbers come from NumPy, one stream for each row of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.diffusion.noising import constant
from mindcast.diffusion.prediction import ToX0
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import SamplerStep


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


Rows = list[tuple[int, int]]  # (case within the batch, member)


def member_batches(cases: int, members: int, size: int) -> Iterator[tuple[int, Rows]]:
    """All members of all cases, `size` at a time: (how many count, rows).

    The last batch is filled up with its first row, so that one compilation serves all.
    """
    rows = [(case, member) for case in range(cases) for member in range(members)]
    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        yield len(batch), batch + batch[:1] * (size - len(batch))


class SamplingStep(nn.Cell):
    """x_t -> the next, less noisy x of a plan.

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
    ) -> Tensor:
        """coefficients: `SamplerStep.coefficients` (4,); noise like x, anything where sigma = 0."""
        x0 = self.to_x0(self.denoise(x, t, *conditioning), x, t)
        return coefficients[0] * x0 + coefficients[1] * x + coefficients[2] * noise


class GuidedSamplingStep:
    """A sampling step shifted by `scale` * guidance_sigma against the gradient of a violation.

    step: a `SamplingStep`. guidance: (x, t, target) -> (gradient like x, violation), such as an
    `AlignmentGuidance`. Each may be compiled, but apart: networks of one family bear the same
    parameter names, which MindSpore refuses within one graph. So this is not a cell.
    """

    def __init__(
        self, step: Callable[..., Tensor], guidance: Callable[..., tuple], scale: float
    ) -> None:
        self.step, self.guidance = step, guidance
        self.scale = scale

    def __call__(
        self,
        x: Tensor,
        t: Tensor,
        coefficients: Tensor,
        noise: Tensor,
        target: Tensor,
        *conditioning: Tensor,
    ) -> Tensor:
        """As `SamplingStep`, with the guidance's target before the conditioning."""
        gradient, _ = self.guidance(x, t, target)
        shift = self.scale * coefficients[3] * gradient
        return self.step(x, t, coefficients, noise, *conditioning) - shift


def sample(
    step: Callable[..., Tensor],
    plan: Sequence[SamplerStep],
    noise: Noise,
    conditioning: Sequence[Tensor] = (),
    progress: Callable[[int], None] | None = None,
    record: Callable[[SamplerStep, np.ndarray], None] | None = None,
) -> np.ndarray:
    """Follow `plan` from pure noise; the final x (N, ...) float32.

    step: a `SamplingStep`, a compiled one, or a `GuidedSamplingStep`.
    noise: drawn from once for the start, then once in every step with sigma > 0.
    conditioning: what the step takes after the noise, one row a sample.
    progress(rows): called after each step. record(step, x): gets every state after its step.
    """
    x = Tensor(noise.draw())
    unused = Tensor(np.zeros(x.shape, np.float32))
    for planned in plan:
        fresh = Tensor(noise.draw()) if planned.sigma > 0 else unused
        t = Tensor(np.full(x.shape[0], planned.t, np.int32))
        x = step(x, t, constant(planned.coefficients), fresh, *conditioning)
        if record is not None:
            record(planned, x.asnumpy())
        if progress is not None:
            progress(x.shape[0])
    return x.asnumpy()


def function_of(cell: Callable[..., Any], compiled: bool) -> Callable[..., Any]:
    """A cell or function as a function of its own: a graph where compiled, else as it is."""

    def call(*inputs):
        return cell(*inputs)

    return ms.jit(call) if compiled else call
