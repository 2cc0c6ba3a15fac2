"""The public code's own diffusion: images in [0, 1], noise prediction, every step of DDPM.

For networks trained there. GeoDiff itself diffuses a residual in kelvin, see `training_losses`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.diffusion.noising import ForwardNoising
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import make_plan
from mindcast.diffusion.samplers.base import SamplerStep
from mindcast.diffusion.sampling import Noise, SamplingStep, sample

LIMITS = (-1.0, 1.0)


class PublicLoss(nn.Cell):
    """Mean |noise - network(x_t, t)| ("l1") or its square ("l2")."""

    def __init__(self, network: nn.Cell, process: DiffusionProcess, loss: str = "l1") -> None:
        super().__init__(auto_prefix=False)
        self.network, self.add_noise = network, ForwardNoising(process)
        self.squared = loss == "l2"

    def construct(self, images: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """images (N, ...) in [0, 1], t (N,) int32, noise like the images."""
        return self.of_centred(images * 2 - 1, t, noise)

    def of_centred(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """The same from x_0 in [-1, 1]."""
        error = noise - self.network(self.add_noise(x0, t, noise), t)
        return (error * error if self.squared else ops.abs(error)).mean()


def public_step(
    network: nn.Cell, process: DiffusionProcess, clip: bool = True, quantile: float | None = None
) -> SamplingStep:
    """One ancestral step; clipping to [-1, 1], or the dynamic threshold of that quantile."""
    return SamplingStep(network, process, "epsilon", LIMITS if clip else None, quantile)


def sample_images(
    network: nn.Cell,
    process: DiffusionProcess,
    noise: Noise,
    quantile: float | None = None,
    record: Callable[[SamplerStep, np.ndarray], None] | None = None,
) -> np.ndarray:
    """Images (N, ...), about in [0, 1], after all T steps from pure noise."""
    network.set_train(False)
    step = public_step(network, process, quantile=quantile)
    plan = make_plan("ddpm", process, process.timesteps)
    return (sample(step, plan, noise, record=record) + 1) / 2
