import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindcast.data.base import SPLITS
from mindcast.data.radar.sequences.find_frames import FrameEvent
from mindcast.data.radar.sequences.prepare_from_frames import split_events
from mindcast.data.radar.sequences.settings import FramesPrepareSettings
from mindcast.data.temperature.splits import parts_of
from mindcast.refusal import Refusal
from tests.data.temperature.files import dataset, settings, write

FRACTIONS = st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.4, 0.49])


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Number of states -> a folder with one file of them."""

    @functools.cache
    def make(states):
        folder = tmp_path_factory.mktemp("states")
        write(dataset(states, height=4, width=4), folder / "a.nc")
        return folder

    return make


def split_times(folder, **changes):
    """split -> its times, none where it is refused as empty."""
    times = {}
    for split in SPLITS:
        try:
            parts = parts_of(settings(folder, **changes), split)
        except Refusal:
            parts = []
        times[split] = np.concatenate([part.times for part in parts]) if parts else np.array([])
    return times


@given(st.integers(3, 12), st.integers(0, 10), st.integers(0, 10))
def test_without_a_gap_every_time_is_in_one_split_in_order(folder_of, states, a, b):
    low, high = sorted((a, b))
    shares = (low / 10, (high - low) / 10, 1 - high / 10)
    times = split_times(folder_of(states), time_shares=shares)
    assert all(len(times[split]) for split in SPLITS)
    together = np.concatenate(list(times.values()))
    assert together.tolist() == np.unique(together).tolist()
    assert len(together) == states


@given(st.integers(3, 12), st.integers(1, 40))
def test_a_gap_parts_the_splits_and_takes_no_more_than_it_must(folder_of, states, hours):
    every = split_times(folder_of(states))
    times = split_times(folder_of(states), gap_hours=hours)
    gap = np.timedelta64(hours, "h")
    last = times["train"][-1]
    assert times["train"].tolist() == every["train"].tolist()
    for split in ("val", "test"):
        far = every[split][every[split] - last >= gap]
        assert far.tolist() == times[split].tolist()
        last = far[-1] if len(far) else last


def events_of(lengths):
    return [
        FrameEvent(str(k), tuple((Path(str(k)), i) for i in range(length)))
        for k, length in enumerate(lengths)
    ]


def how(val, test, gap=0):
    return FramesPrepareSettings(
        source_dir="frames",
        physical_per_code=1,
        val_fraction=val,
        test_fraction=test,
        gap_frames=gap,
    )


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), FRACTIONS, FRACTIONS)
def test_events_are_shared_out_whole_in_order_and_none_is_lost(lengths, val, test):
    pieces = split_events(events_of(lengths), how(val, test))
    together = [piece for split in SPLITS for piece in pieces[split]]
    assert [piece.event.name for piece in together] == [str(k) for k in range(len(lengths))]
    assert [(piece.start, piece.stop) for piece in together] == [(0, n) for n in lengths]
    for split, fraction in (("val", val), ("test", test)):
        assert bool(pieces[split]) == (fraction > 0)


@given(st.integers(1, 200), st.integers(0, 30), FRACTIONS, FRACTIONS)
def test_a_single_event_is_cut_in_order_with_the_gap_at_each_border(length, gap, val, test):
    pieces = split_events(events_of([length]), how(val, test, gap))
    together = [piece for split in SPLITS for piece in pieces[split]]
    assert all(0 <= piece.start < piece.stop <= length for piece in together)
    for before, after in itertools.pairwise(together):
        assert after.start - before.stop == gap
    if together:
        assert together[0].start == 0
    if length > 3 * (gap + 1):
        assert together[-1].stop == length
        for split, fraction in (("val", val), ("test", test)):
            assert bool(pieces[split]) == (fraction > 0)
