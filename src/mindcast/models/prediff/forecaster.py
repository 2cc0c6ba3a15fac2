"""Ensembles from a trained PreDiff: encode the context, sample latents, decode frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.diffusion.sampling import Estimated, GuidedSamplingStep, SamplingStep
from mindcast.models.base import require_context
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput

PLAIN, ALIGNED = "prediff", "prediff-ka"


class PreDiffForecaster:
    """See `models.base.Forecaster`. Method "prediff-ka" (knowledge alignment) exists
    where the networks include "alignment".

    Differs: forecasts are clipped to [0, 1]; the reference returns what the decoder gives.
    """

    deterministic: tuple[str, ...] = ()

    def __init__(
        self,
        settings: PreDiffSettings,
        networks: Mapping[str, nn.Cell],
        sampling: Sampling,
        seed: int,
        compiled: bool,
    ) -> None:
        diffusion, vae = settings.diffusion, networks["vae"]
        self.settings = settings
        self.sampler = EnsembleSampler(
            networks.values(), diffusion.plan(sampling), sampling.batch_size, seed, compiled
        )
        step = SamplingStep(
            networks["diffusion"], diffusion.process(), diffusion.prediction, diffusion.clip_range
        )
        plain = self.sampler.compiled(step)
        self.steps: dict[str, Callable[..., Estimated]] = {PLAIN: plain}
        if "alignment" in networks:
            guidance = self.sampler.compiled(AlignmentGuidance(networks["alignment"]))
            self.steps[ALIGNED] = GuidedSamplingStep(plain, guidance, settings.guidance.scale)

        # a function with a name: graph mode cannot read a lambda within a call
        def mean_latents(frames):
            return vae.encode(frames)[0]

        self.encode = self.sampler.compiled(mean_latents)
        self.decode = self.sampler.compiled(vae.decode)

    @property
    def methods(self) -> tuple[str, ...]:
        """The forecasts that this one can make."""
        return tuple(self.steps)

    def forecast(
        self,
        method: str,
        input: NowcastInput,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`."""
        require_context(self.settings, input)
        conditioning = [np.stack([self._encode(frames) for frames in input.context])]
        if method == ALIGNED:
            conditioning.insert(0, self._target(input.context, truth))
        latents = self.sampler.draw(
            self.steps[method],
            keys,
            members,
            self.settings.latent_shape(self.settings.target_frames),
            [Tensor(array) for array in conditioning],
            progress,
        )
        return np.stack([np.stack([self._decode(row) for row in case]) for case in latents])

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        """(T, H, W, 1) to the posterior mean (T, h, w, c), which is not scaled."""
        mean = self.encode(frames.transpose(0, 3, 1, 2)).asnumpy()
        return np.ascontiguousarray(mean.transpose(0, 2, 3, 1), np.float32)

    def _decode(self, latent: np.ndarray) -> np.ndarray:
        """(T, h, w, c) to frames (T, H, W, 1) in [0, 1]."""
        z = latent.transpose(0, 3, 1, 2) / self.settings.diffusion.scale_factor
        frames = self.decode(z.astype(np.float32)).asnumpy()
        return np.clip(frames.transpose(0, 2, 3, 1), 0.0, 1.0)

    def _target(self, context: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
        """The anticipated mean intensity (N, 1) in the data's scale."""
        guidance = self.settings.guidance
        if guidance.target == "value":
            return np.full((len(context), 1), guidance.value, np.float32)
        fields = context if guidance.target == "context" else truth
        if fields is None:
            raise Refusal(
                "model.guidance.target = 'truth': there is no truth to take it from; "
                "use 'context' or 'value'"
            )
        return (guidance.factor * fields.mean(axis=(1, 2, 3))).astype(np.float32)
