"""How the cost of a call grows with image, frames, batch and width, of small networks.

Exponents of cells, frames (GeoDiff: levels), samples and channels: 1 is proportional. Beside that
of the seconds stands that of the counted operations; small calls grow less, for what every call
costs anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.prediff.settings import PreDiffSettings
from tests.bench import cases
from tests.bench.cases import Case
from tests.bench.exponent import fitted
from tests.bench.player import Player, Rounds, Sides, play
from tests.bench.table import Table, text_of

ROUNDS = Rounds(warm_up=1, least=3, most=5, seconds=0.5)
AXES = ("image", "frames", "batch", "width")
FACTORS = (1, 4)  # what takes the time is that each size is compiled
TITLES = ("growth", "over", "exponent", "of FLOPs", "sizes and seconds")
BOTTOM_HPA = 1000


@dataclass(frozen=True)
class Size:
    """image: cells along a side; frames or levels; batch; width in channels."""

    image: int
    frames: int
    batch: int
    width: int

    def times(self, axis: str, factor: int) -> Size:
        """The same, larger along one axis."""
        return Size(**(vars(self) | {axis: factor * getattr(self, axis)}))

    def extent(self, axis: str) -> float:
        """What the exponent counts: an image by its cells."""
        return float(self.image**2 if axis == "image" else getattr(self, axis))


def prediff(size: Size) -> Case:
    """One level, latents of the released autoencoder; half of the frames are context."""
    tree = {
        "name": "prediff",
        "frame_size": [8 * size.image] * 2,
        "context_frames": size.frames // 2,
        "target_frames": size.frames // 2,
        "denoiser": {"base_units": size.width, "depth": [1]},
    }
    return cases.prediff_denoiser(PreDiffSettings.model_validate(tree), size.batch)


def diffcast(size: Size) -> Case:
    """Two levels of one width."""
    tree = {
        "name": "diffcast",
        "frame_size": [size.image] * 2,
        "context_frames": size.frames,
        "target_frames": size.frames,
        "denoiser": {"dim": size.width, "multiples": [1, 1]},
    }
    return cases.diffcast_denoiser(DiffCastSettings.model_validate(tree), size.batch)


def geodiff(size: Size) -> Case:
    """Two stages, levels in place of frames."""
    unet = {"dim": size.width, "multiples": [1, 2], "heads": 2}
    tree = {
        "name": "geodiff",
        "levels_hpa": [BOTTOM_HPA - 50 * k for k in range(size.frames)],
        "frame_size": [size.image] * 2,
        "deterministic": unet,
        "denoiser": unet,
    }
    return cases.geodiff_unet(GeoDiffSettings.model_validate(tree), size.batch)


MODELS: dict[str, tuple[Callable[[Size], Case], Size]] = {
    "prediff": (prediff, Size(image=8, frames=6, batch=1, width=64)),
    "diffcast": (diffcast, Size(image=32, frames=5, batch=1, width=16)),
    "geodiff": (geodiff, Size(image=16, frames=4, batch=1, width=16)),
}


def measured(sides: Sides, names: Sequence[str]) -> list[dict[str, Any]]:
    """Printed rows of our side, one a model and axis, for the models of these names."""
    table, rows = Table(TITLES, first=12), []
    for name in names:
        case_of, base = MODELS[name]
        with ExitStack() as opened:
            player = Player("mindspore", sides, opened)
            known: dict[Size, tuple[float, float]] = {}
            for axis in AXES:
                sizes = [base.times(axis, factor) for factor in FACTORS]
                for size in sizes:
                    if size not in known:
                        known[size] = _cost(player, case_of(size))
                rows.append(_row(name, axis, sizes, known))
                _print(table, rows[-1])
            if player.result.problem:
                print(f"  {name}: {player.result.problem}", flush=True)
    return rows


def _cost(player: Player, case: Case) -> tuple[float, float]:
    """Seconds and operations of a call; NaN where there is no answer."""
    player.result.seconds = None
    play([player], case.plain(), ROUNDS)
    return player.result.seconds or float("nan"), case.count.flops


def _row(
    name: str, axis: str, sizes: list[Size], known: dict[Size, tuple[float, float]]
) -> dict[str, Any]:
    extents = [size.extent(axis) for size in sizes]
    seconds, flops = zip(*(known[size] for size in sizes), strict=True)
    return {
        "model": name,
        "over": axis,
        "sizes": [getattr(size, axis) for size in sizes],
        "seconds": list(seconds),
        "exponent": fitted(extents, seconds),
        "exponent_of_flops": fitted(extents, flops),
    }


def _print(table: Table, row: dict[str, Any]) -> None:
    points = zip(row["sizes"], row["seconds"], strict=True)
    said = ", ".join(f"{size}: {text_of(seconds)}" for size, seconds in points)
    table.row(row["model"], row["over"], row["exponent"], row["exponent_of_flops"], f"  {said}")
