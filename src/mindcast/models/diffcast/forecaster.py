"""Forecasts of a trained DiffCast: deterministic ones, and ensembles of their sampled residuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.samplers import Plan, SamplerStep
from mindcast.diffusion.sampling import Estimated, Noise, SamplingStep, sample
from mindcast.models.base import extrapolated_members, require_context
from mindcast.models.diffcast.network import to_fields, to_network
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.motion.matching import combined
from mindcast.motion.moved import VALUE, moved
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput

SAMPLED, MEAN = "diffcast", "diffcast-mu"


class DiffCastForecaster:
    """See `models.base.Forecaster`; the networks that there are decide the methods.

    Of stage "backbone": one of the backbone's name. Of stage "joint": "diffcast-mu", its backbone
    alone, and "diffcast", that with the residual sampled segment after segment.
    """

    def __init__(
        self,
        settings: DiffCastSettings,
        networks: Mapping[str, nn.Cell],
        sampling: Sampling,
        seed: int,
        compiled: bool,
    ) -> None:
        if not networks:
            raise Refusal(
                "no trained network of diffcast: neither of stage backbone nor of stage joint; "
                "train one of them or fix ckpt_path"
            )
        diffusion = settings.diffusion
        self.settings = settings
        self.sampler = EnsembleSampler(
            networks.values(), diffusion.plan(sampling), sampling.batch_size, seed, compiled
        )
        self.means: dict[str, Callable[..., Tensor]] = {}
        if "backbone" in networks:
            self.means[settings.backbone] = self.sampler.compiled(networks["backbone"])
        self.methods: tuple[str, ...] = tuple(self.means)
        if "joint" in networks:
            joint = networks["joint"]
            step = SamplingStep(
                joint.model, diffusion.process(), diffusion.prediction, diffusion.clip_range
            )
            self.means[MEAN] = self.sampler.compiled(joint.backbone_net)
            self.conditioning = self.sampler.compiled(joint)
            self.step = self.sampler.compiled(step)
            self.methods += (MEAN, SAMPLED)

    @property
    def deterministic(self) -> tuple[str, ...]:
        """Those methods that have one member."""
        return tuple(self.means)

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
        if method in self.means:
            sources = self._sources(input.context)
            means = np.stack([self.means[method](x).asnumpy() for x in sources])
            return np.clip(self._fields(means), 0, 1)
        settings = self.settings
        extrapolated = extrapolated_members(settings, input, keys, members, self.sampler.seed)
        mu, *known = self._conditioned(input.context, extrapolated)
        shape = (settings.context_frames, settings.channels, *settings.network_frame)
        guided, segments = settings.denoiser.sees_forecast, settings.segments
        residual = self.sampler.draw(
            self.step,
            keys,
            members,
            shape,
            known,
            progress,
            run=partial(sample_residual, shape=shape, segments=segments, guided=guided),
            runs=segments,
            per_member=settings.motion is not None,
        )
        mu = mu.asnumpy().reshape(len(keys), -1, *mu.shape[1:])
        frames = self._fields(mu + residual / settings.diffusion.residual_scale)
        motion = settings.motion
        if motion is None or extrapolated is None:
            return np.clip(frames, 0, 1)
        starts = extrapolated[..., VALUE : VALUE + 1]
        return combined(frames, starts, motion.learned_share, motion.match_values)

    def _sources(self, context: np.ndarray) -> list[np.ndarray]:
        """What the backbone takes of each case (1, T, C, H, W), from contexts (N, T, H, W, 1)."""
        motion, frames = self.settings.motion, self.settings.target_frames
        if motion is not None:
            context = np.stack([moved(case, frames, motion) for case in context])
        return self._laid_out(context)

    def _conditioned(
        self, context: np.ndarray, extrapolated: np.ndarray | None
    ) -> tuple[Tensor, ...]:
        """What `JointNetwork` gives of every case or, where members differ in motion, of every
        member of every case: mu first."""
        inputs = [self._laid_out(context)]
        if extrapolated is not None:
            cases = np.repeat(context, extrapolated.shape[1], axis=0)
            own = extrapolated.reshape(-1, *extrapolated.shape[2:])
            inputs = [self._laid_out(cases), self._laid_out(own)]
        outputs = [self.conditioning(*arrays) for arrays in zip(*inputs, strict=True)]
        return tuple(ops.cat(arrays, 0) for arrays in zip(*outputs, strict=True))

    def _laid_out(self, fields: np.ndarray) -> list[np.ndarray]:
        """Frames (N, T, H, W, C) as the networks take them, one case (1, T, C, H, W) after the
        other."""
        return [to_network(case[np.newaxis], self.settings.patch) for case in fields]

    def _fields(self, frames: np.ndarray) -> np.ndarray:
        """(N, M, T, C, H, W) of the networks to (N, M, T, H, W, 1), float32, not clipped."""
        fields = to_fields(frames.reshape(-1, *frames.shape[2:]), self.settings.patch)
        fields = fields.reshape(*frames.shape[:2], *fields.shape[1:])
        return fields.astype(np.float32)


def sample_residual(
    step: Callable[..., Estimated],
    plan: Plan,
    noise: Noise,
    features: Sequence[Tensor],
    progress: Callable[[int], object] | None = None,
    record: Callable[[SamplerStep, np.ndarray], None] | None = None,
    *,
    shape: Sequence[int],
    segments: int,
    guided: bool = False,
) -> np.ndarray:
    """The scaled residual of all segments (N, T, C, H, W), one segment after the other.

    shape: (frames of a segment, C, H, W). Each segment is conditioned on the one before; the first
    on zeros, as the observed frames have no residual. features: those of the first segment,
    then as many of the others, one row a sample; before them the guides (N, segments, C, H, W) if
    `guided`. The rest as in `diffusion.sampling.sample`.
    """
    guides, features = (features[:1], features[1:]) if guided else ((), features)
    levels, rows = len(features) // 2, (*guides, *features)[0].shape[0]
    previous = np.zeros((rows, *shape), np.float32)
    drawn = []
    for number in range(segments):
        index = Tensor(np.full(rows, number, np.int32))
        own = features[:levels] if number == 0 else features[levels:]
        conditioning = [Tensor(previous), index, *(g[:, number] for g in guides), *own]
        previous = sample(step, plan, noise, conditioning, progress, record)
        drawn.append(previous)
    return np.concatenate(drawn, axis=1)
