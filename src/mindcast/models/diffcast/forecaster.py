"""Forecasts of a trained DiffCast: deterministic ones, and ensembles of their sampled residuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.samplers import Plan, SamplerStep
from mindcast.diffusion.sampling import Estimated, Noise, SamplingStep, sample
from mindcast.diffusion.tiling import TiledStep, Tiles, tiles_over
from mindcast.models.base import extrapolated_members, require_context, with_motion
from mindcast.models.diffcast.network import to_fields, to_network
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.remembered import Remembered
from mindcast.motion.matching import combined
from mindcast.motion.moved import VALUE, moved
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput

SAMPLED, MEAN = "diffcast", "diffcast-mu"


class DiffCastForecaster:
    """See `models.base.Forecaster`; the networks that there are decide the methods.

    Of stage "backbone": one of the backbone's name. Of stage "joint": "diffcast-mu", its backbone
    alone, and "diffcast", that with the residual sampled segment after segment.

    Larger frames are forecast in tiles: motion is found and followed on all of them, and one noise
    and one residual, blended at every step, are those of the whole.
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
        self.settings, self.overlap = settings, sampling.tile_overlap
        self.remembered = Remembered()
        self.sampler = EnsembleSampler(
            networks.values(), diffusion.plan(sampling), sampling.at_once, seed, compiled
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
        *,
        first: int = 0,
        seed: int | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`."""
        require_context(self.settings, input)
        tiles, made = self._tiles(input.context), partial(self.remembered.of, input)
        whole = made("motion", partial(with_motion, self.settings, input))
        if method in self.means:
            return self._deterministic(self.means[method], whole, tiles)
        seed = self.sampler.seed if seed is None else seed
        numbers = range(first, first + members)
        if len(tiles) == 1:
            known = self._known(input, whole, tiles)
            return self._members(whole, known, keys, numbers, seed, tiles, progress)
        drawn = []
        for number, key in enumerate(keys):
            case = whole.mapped(itemgetter(slice(number, number + 1)))
            known = self._known(input, case, tiles)
            # one member at a time: what its tiles are conditioned on may fill the memory
            of_members = [
                self._members(case, known, [key], range(m, m + 1), seed, tiles, progress)[0]
                for m in numbers
            ]
            drawn.append(np.concatenate(of_members))
        return np.stack(drawn)

    def _known(
        self, input: NowcastInput, cases: NowcastInput, tiles: Tiles
    ) -> tuple[Tensor, ...] | None:
        """What all members are conditioned on; None where each has a motion of its own.

        cases: all of the input or, in tiles, one. Of a single one, drawn in parts, it is made once.
        """
        if self.settings.motion is not None:
            return None
        conditioned = partial(self._conditioned, cases.context, None, tiles)
        if len(cases.context) < len(input.context):
            return conditioned()
        return self.remembered.of(input, "known", conditioned)

    def _deterministic(
        self, mean: Callable[..., Tensor], input: NowcastInput, tiles: Tiles
    ) -> np.ndarray:
        """What one of `means` makes of every case: (N, 1, T, H, W, 1)."""
        motion, taken = self.settings.motion, self._taken(input)
        outputs = [mean(piece) for piece in self._pieces(self._laid_out(taken), tiles)]
        means = _whole(ops.cat(outputs, 0), tiles).asnumpy()
        frames = self._fields(means[:, np.newaxis])
        if motion is None:
            return np.clip(frames, 0, 1)
        start = taken[:, np.newaxis, ..., VALUE : VALUE + 1]
        return combined(frames, start, motion.learned_share, match=False)

    def _members(
        self,
        input: NowcastInput,
        conditioned: tuple[Tensor, ...] | None,
        keys: Sequence[int],
        numbers: range,
        seed: int,
        tiles: Tiles,
        progress: Callable[[int], object] | None,
    ) -> np.ndarray:
        """The members of those numbers of every case; where there are tiles, one of one case."""
        settings, members, first = self.settings, len(numbers), numbers.start
        extrapolated = extrapolated_members(settings, input, keys, members, seed, first)
        mu, *known = conditioned or self._conditioned(input.context, extrapolated, tiles)
        shape = (settings.context_frames, settings.channels, *_size(tiles))
        guided, segments = settings.denoiser.sees_forecast, settings.segments
        of_tiles = InTiles(tiles, known, self.sampler.batch_size) if len(tiles) > 1 else None
        run = partial(
            sample_residual, shape=shape, segments=segments, guided=guided, in_tiles=of_tiles
        )
        residual = self.sampler.draw(
            self.step,
            keys,
            members,
            shape,
            () if of_tiles else known,
            progress,
            run=run,
            runs=segments,
            per_member=settings.motion is not None,
            first=first,
            seed=seed,
        )
        mu = _whole(mu, tiles).asnumpy()
        mu = mu.reshape(len(keys), -1, *mu.shape[1:])
        frames = self._fields(mu + residual / settings.diffusion.residual_scale)
        motion = settings.motion
        if motion is None or extrapolated is None:
            return np.clip(frames, 0, 1)
        starts = extrapolated[..., VALUE : VALUE + 1]
        return combined(frames, starts, motion.learned_share, motion.match_values)

    def _tiles(self, context: np.ndarray) -> Tiles:
        """What contexts (N, T, H, W, 1) are cut into, as the networks see them."""
        height, width = (n // self.settings.patch for n in context.shape[2:4])
        return tiles_over((height, width), self.settings.network_frame, self.overlap)

    def _taken(self, input: NowcastInput) -> np.ndarray:
        """What the backbone takes of all cases (N, T, H, W, C)."""
        motion, frames, context = self.settings.motion, self.settings.target_frames, input.context
        if motion is None:
            return context
        given = input.motion if input.motion is not None else [None] * len(context)
        pairs = zip(context, given, strict=True)
        return np.stack([moved(case, frames, motion, field) for case, field in pairs])

    def _pieces(
        self, rows: Sequence[np.ndarray], tiles: Tiles
    ) -> Sequence[np.ndarray] | Sequence[Tensor]:
        """Rows (1, T, C, H, W), each cut into its tiles."""
        if len(tiles) == 1:
            return rows
        return [tile for row in rows for tile in tiles.cut(Tensor(row))]

    def _conditioned(
        self, context: np.ndarray, extrapolated: np.ndarray | None, tiles: Tiles
    ) -> tuple[Tensor, ...]:
        """What `JointNetwork` gives of every tile of every case or, where members differ in motion,
        of every member of every case: mu first."""
        inputs = [self._laid_out(context)]
        if extrapolated is not None:
            cases = np.repeat(context, extrapolated.shape[1], axis=0)
            own = extrapolated.reshape(-1, *extrapolated.shape[2:])
            inputs = [self._laid_out(cases), self._laid_out(own)]
        pieces = [self._pieces(rows, tiles) for rows in inputs]
        outputs = [self.conditioning(*arrays) for arrays in zip(*pieces, strict=True)]
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


@dataclass(frozen=True, eq=False)
class InTiles:
    """The tiles of one member, the features (K, ...) of them, and how many are taken at once."""

    tiles: Tiles
    features: Sequence[Tensor]
    size: int


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
    in_tiles: InTiles | None = None,
) -> np.ndarray:
    """The scaled residual of all segments (N, T, C, H, W), one segment after the other.

    shape: (frames of a segment, C, H, W). Each segment is conditioned on the one before; the first
    on zeros, as the observed frames have no residual. features: those of the first segment,
    then as many of the others, one row a sample; before them the guides (N, segments, C, H, W) if
    `guided`. in_tiles: of one row, whose features are those of its tiles. The rest as in
    `diffusion.sampling.sample`.
    """
    rows = 1 if in_tiles else features[0].shape[0]
    features = in_tiles.features if in_tiles else features
    guides, features = (features[:1], features[1:]) if guided else ((), features)
    levels = len(features) // 2
    previous = np.zeros((rows, *shape), np.float32)
    drawn = []
    for number in range(segments):
        index = Tensor(np.full(rows, number, np.int32))
        own = features[:levels] if number == 0 else features[levels:]
        own = [*(g[:, number] for g in guides), *own]
        if in_tiles:
            tiled = TiledStep(step, in_tiles.tiles, own, in_tiles.size)
            previous = sample(tiled, plan, noise, [Tensor(previous), index], progress, record)
        else:
            conditioning = [Tensor(previous), index, *own]
            previous = sample(step, plan, noise, conditioning, progress, record)
        drawn.append(previous)
    return np.concatenate(drawn, axis=1)


def _size(tiles: Tiles) -> tuple[int, int]:
    """(H, W) of what is cut into tiles."""
    return tiles.rows.length, tiles.columns.length


def _whole(outputs: Tensor, tiles: Tiles) -> Tensor:
    """(R, ..., H, W) of the outputs of all tiles of each of R rows (R K, ..., h, w)."""
    if len(tiles) == 1:
        return outputs
    rows = outputs.reshape(-1, len(tiles), *outputs.shape[1:])
    return tiles.blend(rows.swapaxes(0, 1))
