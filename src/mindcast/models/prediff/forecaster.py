"""Ensembles from a trained PreDiff: encode the context, sample latents, decode frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.diffusion.sampling import Estimated, GuidedSamplingStep, SamplingStep
from mindcast.diffusion.tiling import TiledStep, Tiles, tiles_over
from mindcast.models.base import extrapolated_members, require_context, with_motion
from mindcast.models.prediff.alignment import OfDifference
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.models.remembered import Remembered
from mindcast.motion.matching import combined
from mindcast.motion.moved import VALUE
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput

PLAIN, ALIGNED = "prediff", "prediff-ka"


@dataclass(frozen=True)
class Cuts:
    """Where sequences are cut: the same places in pixels and in cells of the latents."""

    pixels: Tiles
    latents: Tiles

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of the latents of the whole."""
        return self.latents.rows.length, self.latents.columns.length


class PreDiffForecaster:
    """See `models.base.Forecaster`. Method "prediff-ka" (knowledge alignment) exists
    where the networks include "alignment".

    Larger frames are forecast in tiles: motion is found and followed on all of them, and one noise
    and one latent, blended at every step, are those of the whole.

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
        self.settings, self.overlap = settings, sampling.tile_overlap
        self.remembered = Remembered()
        self.sampler = EnsembleSampler(
            networks.values(), diffusion.plan(sampling), sampling.at_once, seed, compiled
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
        *,
        first: int = 0,
        seed: int | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`."""
        require_context(self.settings, input)
        cuts, seed = self._cuts(input.context), self.sampler.seed if seed is None else seed
        known = self._known(method, input, truth, cuts)
        input = self.remembered.of(input, "motion", partial(with_motion, self.settings, input))
        if len(cuts) == 1:
            numbers = range(first, first + members)
            return self._members(method, input, known, keys, numbers, seed, cuts, progress)
        made = []
        for n, key in enumerate(keys):  # one member at a time: its tiles may fill the memory
            case = input.mapped(itemgetter(slice(n, n + 1)))
            of_case = [array[n * len(cuts) : (n + 1) * len(cuts)] for array in known]
            numbers = [range(m, m + 1) for m in range(first, first + members)]
            of_members = [
                self._members(method, case, of_case, [key], number, seed, cuts, progress)[0]
                for number in numbers
            ]
            made.append(np.concatenate(of_members))
        return np.stack(made)

    def _members(
        self,
        method: str,
        input: NowcastInput,
        known: Sequence[np.ndarray],
        keys: Sequence[int],
        numbers: range,
        seed: int,
        cuts: Cuts,
        progress: Callable[[int], object] | None,
    ) -> np.ndarray:
        """The members of those numbers of every case; where there are tiles, one of one case."""
        settings, members, first = self.settings, len(numbers), numbers.start
        extrapolated = extrapolated_members(settings, input, keys, members, seed, first)
        guides = None if extrapolated is None else self._guides(extrapolated, cuts)
        conditioning = [Tensor(array) for array in self._conditioning(known, guides, members)]
        step, (_, *_, channels) = self.steps[method], settings.latent_shape(1)
        if len(cuts) > 1:
            size = self.sampler.batch_size
            step = TiledStep(step, cuts.latents, conditioning, size, channels_last=True)
            conditioning = []
        latents = self.sampler.draw(
            step,
            keys,
            members,
            (settings.target_frames, *cuts.latent_size, channels),
            conditioning,
            progress,
            per_member=extrapolated is not None,
            first=first,
            seed=seed,
        )
        return self._decoded(method, latents, extrapolated, guides, cuts)

    def _cuts(self, context: np.ndarray) -> Cuts:
        """Of contexts (N, T, H, W, 1)."""
        cell, (_, *latent) = self.settings.cell, self.settings.latent_chw
        height, width = (n // cell for n in context.shape[2:4])
        tile = (latent[0], latent[1])
        latents = tiles_over((height, width), tile, self.overlap)
        overlap = cell * round(self.overlap * min(tile))
        pixels = Tiles((cell * height, cell * width), self.settings.frame_size, overlap)
        return Cuts(pixels, latents)

    def _known(
        self, method: str, input: NowcastInput, truth: np.ndarray | None, cuts: Cuts
    ) -> list[np.ndarray]:
        """What the step takes after the noise and depends on no member, of every tile (N K, ...).

        For a guided method the target; the latents of the context.
        """
        tiles = np.concatenate([_cut(cuts.pixels, case) for case in input.context])
        known = [
            self.remembered.of(
                input, "latents", lambda: np.stack([self._encode(frames) for frames in tiles])
            )
        ]
        if method == ALIGNED:
            if truth is not None:
                truth = np.concatenate([_cut(cuts.pixels, case) for case in truth])
            known.insert(0, self._target(tiles, truth))
        return known

    def _guides(self, extrapolated: np.ndarray, cuts: Cuts) -> np.ndarray:
        """Of every tile of every member of every case (N M K, T, h, w, c), latents first."""
        rows = extrapolated.reshape(-1, *extrapolated.shape[2:])
        pieces = [tile[np.newaxis] for row in rows for tile in _cut(cuts.pixels, row)]
        return np.concatenate([self.guides(piece).asnumpy() for piece in pieces])

    def _conditioning(
        self, known: Sequence[np.ndarray], guides: np.ndarray | None, members: int
    ) -> list[np.ndarray]:
        """The same with the guides, if there is motion: then of every member (N M K, ...)."""
        if guides is None:
            return list(known)
        return [*(np.repeat(array, members, axis=0) for array in known), guides]

    def _decoded(
        self,
        method: str,
        latents: np.ndarray,
        extrapolated: np.ndarray | None,
        guides: np.ndarray | None,
        cuts: Cuts,
    ) -> np.ndarray:
        """Frames (N, M, T, H, W, 1) in [0, 1] of what was diffused (N, M, T, h, w, c).

        Intensities that the alignment steered keep what it made of them.
        """
        motion, shape = self.settings.motion, latents.shape
        if extrapolated is None or guides is None or motion is None:
            frames = [[self._frames(latent, cuts) for latent in case] for case in latents]
            return np.clip(frames, 0.0, 1.0)
        starts = extrapolated[..., VALUE : VALUE + 1]
        encoded = guides[..., : shape[-1]].reshape(-1, len(cuts), *guides.shape[1:-1], shape[-1])
        members = zip(
            starts.reshape(-1, *starts.shape[2:]),
            encoded,
            latents.reshape(-1, *shape[2:]),
            strict=True,
        )
        made = np.stack([self._learned(*member, cuts) for member in members])
        match = motion.match_values and method != ALIGNED
        return combined(made.reshape(starts.shape), starts, motion.learned_share, match)

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        """(T, H, W, 1) to the posterior mean (T, h, w, c), which is not scaled."""
        mean = self.encode(frames.transpose(0, 3, 1, 2)).asnumpy()
        return np.ascontiguousarray(mean.transpose(0, 2, 3, 1), np.float32)

    def _frames(self, latent: np.ndarray, cuts: Cuts) -> np.ndarray:
        """Scaled latents (T, h, w, c) to frames (T, H, W, 1), not clipped."""
        tiles = [self._decode(tile) for tile in _cut(cuts.latents, latent)]
        return _blended(cuts.pixels, tiles)

    def _decode(self, latent: np.ndarray) -> np.ndarray:
        """The same of one tile."""
        z = latent.transpose(0, 3, 1, 2) / self.settings.diffusion.scale_factor
        frames: np.ndarray = self.decode(z.astype(np.float32)).asnumpy()
        return frames.transpose(0, 2, 3, 1)

    def _learned(
        self, frames: np.ndarray, encoded: np.ndarray, latent: np.ndarray, cuts: Cuts
    ) -> np.ndarray:
        """A member (T, H, W, 1), not clipped, from its extrapolated frames, their latents
        (K, T, h, w, c) and what was diffused.

        A difference of scaled latents changes the frames by what it decodes to: what the
        autoencoder loses of them is so not lost in the forecast.
        """
        if not self.settings.diffuses_difference:
            return self._frames(latent, cuts)
        changes = []
        for tile, change in zip(encoded, _cut(cuts.latents, latent), strict=True):
            start = self.settings.diffusion.scale_factor * tile
            changes.append(self._decode(start + change) - self._decode(start))
        return frames + _blended(cuts.pixels, changes)

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


def _cut(tiles: Tiles, frames: np.ndarray) -> np.ndarray:
    """Tiles (K, T, h, w, C) of frames (T, H, W, C)."""
    if len(tiles) == 1:
        return frames[np.newaxis]
    cut: np.ndarray = tiles.cut(Tensor(frames), channels_last=True).asnumpy()
    return cut


def _blended(tiles: Tiles, of_tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Frames (T, H, W, C) of those of their tiles (T, h, w, C)."""
    if len(tiles) == 1:
        return of_tiles[0]
    whole: np.ndarray = tiles.blend(Tensor(np.stack(of_tiles)), channels_last=True).asnumpy()
    return whole
