"""Forecasts of a trained DiffCast: deterministic ones, and ensembles of their sampled residuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import Plan, SamplerStep, make_plan
from mindcast.diffusion.sampling import (
    MemberNoise,
    Noise,
    Rows,
    SamplingStep,
    function_of,
    member_batches,
    sample,
)
from mindcast.models.base import require_context
from mindcast.models.diffcast.network import to_fields, to_network
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.refusal import Refusal

SAMPLED, MEAN = "diffcast", "diffcast-mu"
Surroundings = tuple[np.ndarray, ...]  # what `JointNetwork.construct` gives


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
        diffusion = settings.diffusion
        process = diffusion.process()
        self.settings, self.sampling, self.seed = settings, sampling, seed
        self.plan = make_plan(sampling.sampler, process, sampling.steps, sampling.eta)
        self.means: dict[str, Callable[..., Tensor]] = {}
        self.methods: tuple[str, ...] = ()
        if "backbone" in networks:
            self.means[settings.backbone] = function_of(networks["backbone"], compiled)
            self.methods += (settings.backbone,)
        if "joint" in networks:
            joint = networks["joint"]
            self.means[MEAN] = function_of(joint.backbone_net, compiled)
            self.methods += (MEAN, SAMPLED)
            self.surroundings = function_of(joint, compiled)
            step = SamplingStep(joint.model, process, diffusion.prediction, diffusion.clip_range)
            self.step = function_of(step, compiled)
        if not self.methods:
            raise Refusal(
                "no trained network of diffcast: neither of stage backbone nor of stage joint; "
                "train one of them or mend ckpt_path"
            )
        for network in networks.values():
            network.set_train(False)

    @property
    def deterministic(self) -> tuple[str, ...]:
        """Those methods that have one member."""
        return tuple(self.means)

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
        if method in self.means:
            means = [self.means[method](self._input(frames)).asnumpy() for frames in context]
            return np.stack([self._fields(mean) for mean in means])
        cases = [self._surroundings(frames) for frames in context]
        together = tuple(np.concatenate(arrays) for arrays in zip(*cases, strict=True))
        fields: list[np.ndarray] = []
        for count, rows in member_batches(len(context), members, self.sampling.batch_size):
            fields += [*self._run(count, rows, keys, together, progress)]
        return np.stack(fields).reshape(len(context), members, *fields[0].shape)

    def _surroundings(self, frames: np.ndarray) -> Surroundings:
        """All that the sampling of one case (T, H, W, 1) needs; computed once for all of it."""
        return tuple(array.asnumpy() for array in self.surroundings(self._input(frames)))

    def _run(
        self,
        count: int,
        rows: Rows,
        keys: Sequence[int],
        cases: Surroundings,
        progress: Callable[[int], None] | None,
    ) -> np.ndarray:
        """Frames (count, T, H, W, 1) of the first `count` rows."""
        named = [(int(keys[case]), member) for case, member in rows]
        settings = self.settings
        shape = (settings.context_frames, settings.channels, *settings.network_frame)
        chosen = [case for case, _ in rows]
        mu, *features = (array[chosen] for array in cases)
        done = None if progress is None else _Passes(progress, count, settings.segments)
        residual = sample_residual(
            self.step,
            self.plan,
            MemberNoise(self.seed, named, shape),
            (len(rows), *shape),
            [Tensor(feature) for feature in features],
            settings.segments,
            done,
        )
        return self._fields(mu + residual / 2)[:count]

    def _input(self, frames: np.ndarray) -> Tensor:
        """One case (T, H, W, 1) for the networks."""
        return Tensor(np.ascontiguousarray(to_network(frames[None], self.settings.patch)))

    def _fields(self, frames: np.ndarray) -> np.ndarray:
        """What the networks give to (N, T, H, W, 1), limited to [0, 1]."""
        return np.clip(to_fields(frames, self.settings.patch), 0, 1).astype(np.float32)


class _Passes:
    """Reports a sampling step of `rows` members whenever as many passes as segments are done."""

    def __init__(self, progress: Callable[[int], None], rows: int, segments: int) -> None:
        self.progress, self.rows, self.segments, self.done = progress, rows, segments, 0

    def __call__(self, _: int) -> None:
        self.done += 1
        if self.done % self.segments == 0:
            self.progress(self.rows)


def sample_residual(
    step: Callable[..., Tensor],
    plan: Plan,
    noise: Noise,
    shape: tuple[int, ...],
    features: Sequence[Tensor],
    segments: int,
    progress: Callable[[int], None] | None = None,
    record: Callable[[SamplerStep, np.ndarray], None] | None = None,
) -> np.ndarray:
    """The residual 2 (frames - mu) of all segments (N, T, C, H, W), one segment after the other.

    shape: (N, frames of a segment, C, H, W). Each segment is told the one before; the first is
    told zeros, as the observed frames have no residual. features: those of the first segment,
    then as many of the others, one row a sample. The rest as in `diffusion.sampling.sample`.
    """
    levels = len(features) // 2
    previous = np.zeros(shape, np.float32)
    drawn = []
    for number in range(segments):
        index = Tensor(np.full(shape[0], number, np.int32))
        own = features[:levels] if number == 0 else features[levels:]
        told = [Tensor(previous), index, *own]
        previous = sample(step, plan, noise, told, progress, record)
        drawn.append(previous)
    return np.concatenate(drawn, axis=1)
