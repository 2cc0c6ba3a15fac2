"""Samples out of files of temperature: `open_split` for the table of data sets."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindcast.data.base import PatchLike, Shapes, Split
from mindcast.data.temperature.labels import state_names
from mindcast.data.temperature.parts import Box, Part
from mindcast.data.temperature.settings import TemperatureSettings
from mindcast.data.temperature.splits import parts_of
from mindcast.data.temperature.state import Domain, WholeState
from mindcast.data.temperature.states import State
from mindcast.physics.resample import cells
from mindcast.refusal import Refusal
from mindcast.samples import Coordinates, DownscaleInput, DownscaleSample

SMALLEST_REGION = 3  # points along an axis; derivatives at a border take three


@dataclass(frozen=True)
class Place:
    """Where a sample lies: a state of a domain, and a rectangle of its fine grid."""

    domain: int
    state: State
    box: Box


class TemperatureFields:
    """One split; satisfies `mindcast.data.base.Fields`.

    Every state gives all its crops, `crop_stride` apart, one after the other. States are kept in
    memory, the last ones used, up to `cache_mb`; a state that is not is read and derived again.
    """

    input_type = DownscaleInput
    unit = "K"

    def __init__(
        self, settings: TemperatureSettings, split: Split, parts: list[Part], patch: PatchLike
    ) -> None:
        _check_patch(settings, patch)
        self.levels_hpa = tuple(float(level) for level in patch.levels_hpa)
        self.domains = [
            Domain(part, patch, settings.coarsening, settings.area_weight) for part in parts
        ]
        self.parts = tuple(parts)
        self._names = state_names(parts, Path(settings.root_dir))
        self.boxes = [
            _crops(settings, patch.frame, part, domain) if patch.frame else [_region(part)]
            for part, domain in zip(parts, self.domains, strict=True)
        ]
        counts = [len(p.states) * len(b) for p, b in zip(parts, self.boxes, strict=True)]
        self._ends = np.cumsum(counts)
        self.keys = np.arange(len(self), dtype=np.int64)
        states = sum(len(part.states) for part in parts)
        winds = ", ".join(sorted({domain.source for domain in self.domains}))
        sizes = sorted({tuple(span.stop - span.start for span in each[0]) for each in self.boxes})
        cut = "crops" if patch.frame else "samples"
        self.source = (
            f"{settings.name} {settings.root_dir}, {split} split: {states} states of "
            f"{len(parts)} files, {len(self)} {cut} of "
            f"{', '.join(f'{height} x {width}' for height, width in sizes)} points, "
            f"priors from {winds}"
        )
        self._limit = settings.cache_mb << 20
        self._kept: OrderedDict[tuple[int, State], WholeState] = OrderedDict()
        self._size = 0
        for domain, part in zip(self.domains, parts, strict=True):
            domain.check(part.states[0])  # better a refusal now than hours into a training
            for quantity, state in itertools.product(part.file.apart, part.states):
                part.file.state_apart(quantity, state)
        self._whole(0, parts[0].states[0])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, i: int) -> DownscaleSample:
        place = self._place(i)
        return self._whole(place.domain, place.state).cut(*place.box)

    @property
    def shapes(self) -> Shapes:
        """Of the first sample, by name; domains differ in theirs if they are taken whole."""
        return {name: array.shape for name, array in self[0].named.items()}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_kept": OrderedDict(), "_size": 0}

    def times(self, i: int) -> np.ndarray:
        """Valid time of sample i, (1,) datetime64[m], UTC."""
        return np.array([self._place(i).state.time], "datetime64[m]")

    def label(self, i: int) -> str:
        """File, time, member and first cell of sample i: "era5_20170101T1200_m3_y0_x64".

        More where several samples share these, see `state_names`.
        """
        place = self._place(i)
        rows, columns = place.box
        name = self._names[place.domain][place.state]
        return f"{name}_y{rows.start}_x{columns.start}"

    def coordinates(self, i: int) -> Coordinates:
        """Where sample i lies, on its fine grid."""
        place = self._place(i)
        grid = self.domains[place.domain].file.grid.cut(*place.box)
        return Coordinates(
            grid.y,
            grid.x,
            grid.latitude,
            grid.longitude,
            self.levels_hpa,
            place.state.time,
            place.state.member,
        )

    def _place(self, i: int) -> Place:
        if not 0 <= i < len(self):  # also ends plain iteration
            raise IndexError(f"sample {i} of {len(self)}")
        number = int(np.searchsorted(self._ends, i, side="right"))
        boxes, states = self.boxes[number], self.parts[number].states
        state, box = divmod(i - (int(self._ends[number - 1]) if number else 0), len(boxes))
        return Place(number, states[state], boxes[box])

    def _whole(self, number: int, state: State) -> WholeState:
        key = (number, state)
        if key not in self._kept:
            whole = self.domains[number].load(state)
            while self._kept and self._size + whole.nbytes > self._limit:
                self._size -= self._kept.popitem(last=False)[1].nbytes
            self._kept[key] = whole
            self._size += whole.nbytes
        self._kept.move_to_end(key)
        return self._kept[key]


def open_split(settings: TemperatureSettings, split: Split, window: PatchLike) -> TemperatureFields:
    """One split of the files, cut as `window` describes; Refusal if they are not as described."""
    return TemperatureFields(settings, split, parts_of(settings, split), window)


def _check_patch(settings: TemperatureSettings, patch: PatchLike) -> None:
    levels = np.asarray(patch.levels_hpa, np.float64)
    if len(levels) < 2 or (np.diff(levels) >= 0).any() or levels[-1] <= 0:
        shown = ", ".join(f"{level:g}" for level in levels)
        raise Refusal(
            f"levels_hpa = {shown}: expected two or more, from the bottom upwards, so "
            "falling; fix the model's settings"
        )
    if patch.frame is None:
        return
    if any(size % patch.factor for size in patch.frame):
        height, width = patch.frame
        raise Refusal(
            f"the model's crop of {height} x {width} is no multiple of its factor "
            f"{patch.factor}; change one of them"
        )
    if settings.crop_stride % patch.factor:
        raise Refusal(
            f"data.crop_stride = {settings.crop_stride}, expected a multiple of the "
            f"model's factor {patch.factor}"
        )


def _region(part: Part) -> Box:
    """All of a region; Refusal where it has fewer points than a derivative takes."""
    height, width = (span.stop - span.start for span in part.box)
    if min(height, width) < SMALLEST_REGION:
        raise Refusal(
            f"{part.file.path}: {height} x {width} cells in the split's region, but the model "
            f"needs {SMALLEST_REGION} x {SMALLEST_REGION}; take a larger region"
        )
    return part.box


def _crops(
    settings: TemperatureSettings, frame: tuple[int, int], part: Part, domain: Domain
) -> list[Box]:
    """All crops of a region, in whole coarse cells; Refusal if there is none."""
    factor = domain.patch.factor
    spans = []
    for span, whole in zip(part.box, domain.part, strict=True):
        first, last = cells(span.start, factor) * factor, min(span.stop, whole.stop)
        spans.append((first, last // factor * factor))
    rows, columns = (
        [slice(at, at + size) for at in range(first, last - size + 1, settings.crop_stride)]
        for (first, last), size in zip(spans, frame, strict=True)
    )
    if not rows or not columns:
        height, width = (max(last - first, 0) for first, last in spans)
        raise Refusal(
            f"{part.file.path}: {height} x {width} cells in the split's region, in whole "
            f"coarse cells, but the model needs {frame[0]} x {frame[1]}; take a larger "
            "region, smaller crops or fewer stages"
        )
    return list(itertools.product(rows, columns))
