"""Preparations on a disk that fills up: one line, and nothing is left behind."""

import numpy as np
import pytest

from mindcast.data.radar.archive.prepare_lr import prepare_sevir_lr
from mindcast.data.radar.archive.synthetic import Recipe, write_archive
from mindcast.data.radar.composites import prepare_archive
from mindcast.data.radar.sequences.layouts import LAYOUTS
from mindcast.data.radar.sequences.write import write_file
from mindcast.files import complete_folder_or_absent
from mindcast.refusal import Refusal
from tests.data.radar.archive.archives import row, write_catalogue, write_events
from tests.full_disk import fill_up_after

SIDE, FRAMES, EVENTS = 24, 8, 6


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def sequences(place):
    frames = [(codes, {"source": "made up"}) for codes in noise(EVENTS, FRAMES, SIDE, SIDE)]
    write_file(place / "new" / "a.h5", LAYOUTS["shanghai"], {"a": 1}, {"train": frames}, "state")


def sevir_lr(place):
    shape = (SIDE * 3, SIDE * 3, 2 * FRAMES)
    write_events(place / "sevir", noise(EVENTS, *shape), "vil/2018/A.h5")
    write_catalogue(place / "sevir", [row("A0", 0, file="vil/2018/A.h5")])
    prepare_sevir_lr(place / "sevir", place / "new", source_shape=shape)


def synthetic(place):
    recipe = Recipe(events=EVENTS, seed=0, size=SIDE, frames=FRAMES, interval_minutes=10)
    write_archive(place / "new", recipe)


def composites(place):
    class Cut:
        tile, length = (SIDE, SIDE), FRAMES

    class Window:
        times = np.datetime64("2020-07-01T12:00:00") + 300 * np.arange(FRAMES)
        codes = noise(FRAMES, SIDE, SIDE)
        source, origin, grid = "made up", (0, 0), None

    with (
        complete_folder_or_absent(place / "new") as part,
        prepare_archive.Events(part, Cut()) as events,
    ):
        for number in range(EVENTS):
            events.add(Window(), number)


@pytest.mark.parametrize("writer", [sequences, sevir_lr, synthetic, composites])
@pytest.mark.parametrize("most", [0, 3000, 15_000])
def test_a_preparation_is_refused_in_one_line_and_gone(tmp_path, monkeypatch, writer, most):
    fill_up_after(monkeypatch, most)
    with pytest.raises(Refusal, match=r"cannot be written \(No space left on device\)") as caught:
        writer(tmp_path)
    assert "\n" not in str(caught.value)
    left = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert not left
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


@pytest.mark.parametrize("writer", [sequences, sevir_lr, synthetic, composites])
def test_with_room_it_is_whole(tmp_path, writer):
    writer(tmp_path)
    assert [path for path in (tmp_path / "new").rglob("*.h5") if path.stat().st_size > 15_000]
