"""Radar archives out of a random generator, in the layout of SEVIR-LR.

`python -m mindcast.data.radar.archive.synthetic --out DIR --events 40 --seed 0` writes one; the
data set "synthetic" writes its own when it is first opened. Event i of a seed is the same in every
archive of its size.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from mindcast.data.base import Split, WindowLike
from mindcast.data.generated import make_once
from mindcast.data.radar.archive import catalogue, read
from mindcast.data.radar.archive.event_files import IMAGE_TYPE
from mindcast.data.radar.archive.rain import rain_event
from mindcast.data.radar.archive.settings import SPLIT_DATE, SyntheticSettings
from mindcast.refusal import EXIT_CODE, Refusal
from mindcast.unfailing import Unfailing

SPACING = timedelta(days=1)  # between events; an event takes hours
TEST_SHARE = 5  # one event in five is after SPLIT_DATE


@dataclass(frozen=True)
class Recipe:
    """All that an archive depends on; kept in the archive's `synthetic.json`."""

    events: int
    seed: int
    size: int = 128
    frames: int = 25
    interval_minutes: int = 10
    generator: int = 1  # counts up when `rain` draws other numbers

    def event(self, number: int) -> np.ndarray:
        """Event `number`, (H, W, T) uint8 codes."""
        key = np.random.SeedSequence(self.seed, spawn_key=(number,))
        rng = np.random.default_rng(key)
        return rain_event(rng, self.size, self.frames, self.interval_minutes)

    def time(self, number: int) -> datetime:
        """The middle of event `number`: a day apart, the last fifth after `SPLIT_DATE`."""
        before = self.events - max(1, self.events // TEST_SHARE)
        step = number - before if number < before else number - before + 1  # none on the date
        return SPLIT_DATE + step * SPACING


def open_split(settings: SyntheticSettings, split: Split, window: WindowLike) -> read.Archive:
    """One split of the archive that the settings describe, generated if it is not there yet."""
    prepare(settings)
    known = settings.model_copy(update={"check_values": False})  # a small archive may be dry
    return read.open_split(known, split, window)


def prepare(settings: SyntheticSettings) -> None:
    """Generate the archive into `settings.root_dir` unless it is there; see `write_archive`."""
    recipe = Recipe(
        events=settings.events,
        seed=settings.seed,
        size=settings.frame_size[0],
        frames=settings.frames_per_event,
        interval_minutes=settings.interval_minutes,
    )
    write_archive(Path(settings.root_dir), recipe)


def write_archive(root: Path, recipe: Recipe) -> None:
    """Make `root` the archive of `recipe`; Refusal as `make_once`."""
    make_once(root, asdict(recipe), lambda folder: _write(folder, recipe))


def _write(root: Path, recipe: Recipe) -> None:
    """Catalogue and one file a year."""
    rows: list[dict[str, object]] = []
    by_year = itertools.groupby(range(recipe.events), key=lambda number: recipe.time(number).year)
    with tqdm(total=recipe.events, desc="synthetic radar", unit="event") as bar:
        for year, numbers in by_year:
            name = f"{IMAGE_TYPE}/{year}/SYNTHETIC_VIL_{year}.h5"
            rows += _write_file(root / "data" / name, name, recipe, list(numbers), bar)
    with (root / catalogue.FILE_NAME).open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_file(
    path: Path, name: str, recipe: Recipe, numbers: Sequence[int], bar: tqdm
) -> list[dict[str, object]]:
    """The events of one file; returns their rows of the catalogue."""
    shape = (recipe.size, recipe.size, recipe.frames)
    offsets = (np.arange(recipe.frames) - recipe.frames // 2) * recipe.interval_minutes
    rows: list[dict[str, object]] = []
    path.parent.mkdir(parents=True)
    with Unfailing(path) as disk, h5py.File(disk, "w") as file:
        events = file.create_dataset(
            IMAGE_TYPE, (len(numbers), *shape), np.uint8, chunks=(1, *shape), compression="gzip"
        )
        for index, number in enumerate(numbers):
            events[index] = recipe.event(number)
            disk.check()
            rows.append(
                {
                    "id": f"S{number:06d}",
                    "file_name": name,
                    "file_index": index,
                    "img_type": IMAGE_TYPE,
                    "time_utc": recipe.time(number),
                    "minute_offsets": ":".join(map(str, offsets)),
                    "pct_missing": 0.0,
                }
            )
            bar.update()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 2 where the archive cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m mindcast.data.radar.archive.synthetic", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--events", type=_at_least(2), default=40, help="default: 40")
    parser.add_argument("--seed", type=_at_least(0), default=0, help="default: 0")
    parser.add_argument(
        "--size", type=_at_least(8), default=128, help="pixels a side; default: 128"
    )
    parser.add_argument("--frames", type=_at_least(1), default=25, help="per event; default: 25")
    given = parser.parse_args(arguments)
    try:
        write_archive(given.out, Recipe(given.events, given.seed, given.size, given.frames))
    except Refusal as refusal:
        print(f"synthetic: {refusal}", file=sys.stderr)
        return EXIT_CODE
    return 0


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}, must be at least {least}")
        return int(text)

    return number


if __name__ == "__main__":
    raise SystemExit(main())
