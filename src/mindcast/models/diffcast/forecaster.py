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
from mindcast.models.base import require_context
from mindcast.models.diffcast.network import to_fields, to_network
from mindcast.models.diffcast.settings import DiffCastSettings
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
        cases = [to_network(frames[None], self.settings.patch) for frames in input.context]
        if method in self.means:
            return self._fields(np.stack([self.means[method](case).asnumpy() for case in cases]))
        outputs = [self.conditioning(case) for case in cases]
        mu, *features = (ops.cat(arrays, 0) for arrays in zip(*outputs, strict=True))
        settings = self.settings
        shape = (settings.context_frames, settings.channels, *settings.network_frame)
        residual = self.sampler.draw(
            self.step,
            keys,
            members,
            shape,
            features,
            progress,
            run=partial(sample_residual, shape=shape, segments=settings.segments),
            runs=settings.segments,
        )
        return self._fields(mu.asnumpy()[:, np.newaxis] + residual / 2)

    def _fields(self, frames: np.ndarray) -> np.ndarray:
        """(N, M, T, C, H, W) of the networks to (N, M, T, H, W, 1), limited to [0, 1]."""
        fields = to_fields(frames.reshape(-1, *frames.shape[2:]), self.settings.patch)
        fields = fields.reshape(*frames.shape[:2], *fields.shape[1:])
        return np.clip(fields, 0, 1).astype(np.float32)


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
) -> np.ndarray:
    """The residual 2 (frames - mu) of all segments (N, T, C, H, W), one segment after the other.

    shape: (frames of a segment, C, H, W). Each segment is conditioned on the one before; the first
    on zeros, as the observed frames have no residual. features: those of the first segment,
    then as many of the others, one row a sample. The rest as in `diffusion.sampling.sample`.
    """
    levels, rows = len(features) // 2, features[0].shape[0]
    previous = np.zeros((rows, *shape), np.float32)
    drawn = []
    for number in range(segments):
        index = Tensor(np.full(rows, number, np.int32))
        own = features[:levels] if number == 0 else features[levels:]
        conditioning = [Tensor(previous), index, *own]
        previous = sample(step, plan, noise, conditioning, progress, record)
        drawn.append(previous)
    return np.concatenate(drawn, axis=1)
