"""Ensembles from a trained PreDiff: encode the context, sample latents, decode frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.diffusion.sampling import Estimated, GuidedSamplingStep, SamplingStep
from mindcast.models.base import extrapolated_members, require_context
from mindcast.models.prediff.alignment import OfDifference
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.motion.matching import combined
from mindcast.motion.moved import VALUE
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
            knowledge = networks["alignment"]
            if settings.diffuses_difference:
                knowledge = OfDifference(knowledge, diffusion.process(), diffusion.scale_factor)
            guidance = self.sampler.compiled(AlignmentGuidance(knowledge))
            self.steps[ALIGNED] = GuidedSamplingStep(
                plain, guidance, settings.guidance.scale, settings.diffuses_difference
            )

        # a function with a name: graph mode cannot read a lambda within a call
        def mean_latents(frames):
            return vae.encode(frames)[0]

        self.encode = self.sampler.compiled(mean_latents)
        self.guides = self.sampler.compiled(FrameLatents(vae).guides)
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
        settings = self.settings
        extrapolated = extrapolated_members(settings, input, keys, members, self.sampler.seed)
        conditioning = self._conditioning(method, input.context, truth, extrapolated)
        latents = self.sampler.draw(
            self.steps[method],
            keys,
            members,
            settings.latent_shape(settings.target_frames),
            [Tensor(array) for array in conditioning],
            progress,
            per_member=extrapolated is not None,
        )
        return self._decoded(method, latents, extrapolated)

    def _conditioning(
        self,
        method: str,
        context: np.ndarray,
        truth: np.ndarray | None,
        extrapolated: np.ndarray | None,
    ) -> list[np.ndarray]:
        """What the step takes after the noise: (N, ...), or with motion (N M, ...).

        For a guided method the target; the latents of the context; the guides.
        """
        conditioning = [np.stack([self._encode(frames) for frames in context])]
        if method == ALIGNED:
            conditioning.insert(0, self._target(context, truth))
        if extrapolated is None:
            return conditioning
        members = extrapolated.shape[1]
        rows = extrapolated.reshape(-1, 1, *extrapolated.shape[2:])
        guides = np.concatenate([self.guides(row).asnumpy() for row in rows])
        return [*(np.repeat(array, members, axis=0) for array in conditioning), guides]

    def _decoded(
        self, method: str, latents: np.ndarray, extrapolated: np.ndarray | None
    ) -> np.ndarray:
        """Frames (N, M, T, H, W, 1) in [0, 1] of what was diffused (N, M, T, h, w, c).

        Intensities that the alignment steered keep what it made of them.
        """
        motion = self.settings.motion
        if extrapolated is None or motion is None:
            frames = [[self._frames(latent) for latent in case] for case in latents]
            return np.clip(frames, 0.0, 1.0)
        starts = extrapolated[..., VALUE : VALUE + 1]
        pairs = zip(starts, latents, strict=True)
        frames = [[self._learned(*pair) for pair in zip(*case, strict=True)] for case in pairs]
        match = motion.match_values and method != ALIGNED
        return combined(np.array(frames), starts, motion.learned_share, match)

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        """(T, H, W, 1) to the posterior mean (T, h, w, c), which is not scaled."""
        mean = self.encode(frames.transpose(0, 3, 1, 2)).asnumpy()
        return np.ascontiguousarray(mean.transpose(0, 2, 3, 1), np.float32)

    def _frames(self, latent: np.ndarray) -> np.ndarray:
        """Scaled latents (T, h, w, c) to frames (T, H, W, 1), not clipped."""
        z = latent.transpose(0, 3, 1, 2) / self.settings.diffusion.scale_factor
        frames: np.ndarray = self.decode(z.astype(np.float32)).asnumpy()
        return frames.transpose(0, 2, 3, 1)

    def _learned(self, frames: np.ndarray, latent: np.ndarray) -> np.ndarray:
        """A member (T, H, W, 1), not clipped, from its extrapolated frames and what was diffused.

        A difference of scaled latents changes the frames by what it decodes to: what the
        autoencoder loses of them is so not lost in the forecast.
        """
        if not self.settings.diffuses_difference:
            return self._frames(latent)
        start = self.settings.diffusion.scale_factor * self._encode(frames)
        return frames + (self._frames(start + latent) - self._frames(start))

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
