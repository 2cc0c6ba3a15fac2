"""Ensembles from a trained PreDiff: encode the context, sample latents, decode frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.diffusion.samplers import make_plan
from mindcast.diffusion.sampling import (
    GuidedSamplingStep,
    MemberNoise,
    Rows,
    SamplingStep,
    function_of,
    member_batches,
    sample,
)
from mindcast.models.base import require_context
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.refusal import Refusal

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
        diffusion = settings.diffusion
        process = diffusion.process()
        self.settings, self.sampling, self.seed = settings, sampling, seed
        self.plan = make_plan(sampling.sampler, process, sampling.steps, sampling.eta)
        plain = SamplingStep(
            networks["diffusion"], process, diffusion.prediction, diffusion.clip_range
        )
        take = function_of(plain, compiled)
        self.steps: dict[str, Callable[..., Tensor]] = {PLAIN: take}
        if "alignment" in networks:
            guide = function_of(AlignmentGuidance(networks["alignment"]), compiled)
            self.steps[ALIGNED] = GuidedSamplingStep(take, guide, settings.guidance.scale)
        for network in networks.values():
            network.set_train(False)
        vae = networks["vae"]

        # functions with a name: graph mode cannot read a lambda within a call
        def mean_latents(frames):
            return vae.encode(frames)[0]

        def frames_of(latents):
            return vae.decode(latents)

        self.encode = function_of(mean_latents, compiled)
        self.decode = function_of(frames_of, compiled)

    @property
    def methods(self) -> tuple[str, ...]:
        """The forecasts that this one can make."""
        return tuple(self.steps)

    def forecast(
        self,
        method: str,
        context: np.ndarray,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`."""
        require_context(self.settings, context)
        latents = np.stack([self._encode(frames) for frames in context])
        target = self._target(context, truth) if method == ALIGNED else None
        frames: list[np.ndarray] = []
        for count, rows in member_batches(len(context), members, self.sampling.batch_size):
            frames += self._run(method, count, rows, keys, latents, target, progress)
        return np.stack(frames).reshape(len(context), members, *frames[0].shape)

    def _run(
        self,
        method: str,
        count: int,
        rows: Rows,
        keys: Sequence[int],
        latents: np.ndarray,
        target: np.ndarray | None,
        progress: Callable[[int], None] | None,
    ) -> list[np.ndarray]:
        """Frames (T, H, W, 1) of the first `count` rows."""
        cases = [case for case, _ in rows]
        named = [(int(keys[case]), member) for case, member in rows]
        noise = MemberNoise(self.seed, named, self.settings.latent_shape(self._frames))
        conditioning = [Tensor(latents[cases])]
        if target is not None:
            conditioning.insert(0, Tensor(target[cases]))
        done = None if progress is None else lambda _: progress(count)
        z = sample(self.steps[method], self.plan, noise, conditioning, done)
        return [self._decode(row) for row in z[:count]]

    @property
    def _frames(self) -> int:
        return self.settings.target_frames

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        """(T, H, W, 1) to the scaled posterior mean (T, h, w, c)."""
        mean = self.encode(Tensor(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))))
        scaled = mean.asnumpy().transpose(0, 2, 3, 1) * self.settings.diffusion.scale_factor
        return np.ascontiguousarray(scaled, np.float32)

    def _decode(self, latent: np.ndarray) -> np.ndarray:
        """(T, h, w, c) to frames (T, H, W, 1) in [0, 1]."""
        z = latent.transpose(0, 3, 1, 2) / self.settings.diffusion.scale_factor
        frames = self.decode(Tensor(np.ascontiguousarray(z, np.float32))).asnumpy()
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
