from pathlib import Path

import numpy as np
import pytest

from mindcast.data.incoming.choose import choose
from mindcast.data.incoming.frames import Needed, Place
from mindcast.refusal import Refusal

START = np.datetime64("2020-07-01T12:00:00")
MINUTE = np.timedelta64(60, "s")


def places(*minutes):
    return [Place(Path(f"f{m}.h5"), START + np.timedelta64(round(60 * m), "s")) for m in minutes]


def needed(frames=3, interval=5):
    return Needed(frames, interval, None, 90, "dBZ")


def minutes_of(chosen):
    return [float((place.time - START) / MINUTE) for place in chosen]


def test_the_newest_frames_are_taken_oldest_first_whatever_the_order_of_the_files():
    chosen, notes = choose(places(15, 0, 10, 5), None, needed())
    assert minutes_of(chosen) == [5, 10, 15]
    assert notes == ()


def test_at_picks_the_last_of_them():
    chosen, _ = choose(places(0, 5, 10, 15), START + 10 * MINUTE, needed())
    assert minutes_of(chosen) == [0, 5, 10]


def test_a_fraction_of_the_model_s_interval_is_thinned_and_said():
    chosen, notes = choose(places(*range(0, 35, 5)), None, needed(interval=10))
    assert minutes_of(chosen) == [10, 20, 30]
    assert notes == ("one frame in 2 is taken: the files' are 5 minutes apart, the model's 10",)


def test_the_jitter_of_a_clock_is_no_gap():
    chosen, _ = choose(places(0.1, 5, 9.9, 15.2), None, needed())
    assert len(chosen) == 3


@pytest.mark.parametrize("minutes", [(0,), (0, 7)])
def test_one_frame_has_no_step(minutes):
    chosen, _ = choose(places(*minutes), None, needed(frames=1))
    assert minutes_of(chosen) == [minutes[-1]]


def test_a_gap_before_what_is_needed_does_not_matter():
    chosen, _ = choose(places(0, 30, 35, 40), None, needed())
    assert minutes_of(chosen) == [30, 35, 40]


@pytest.mark.parametrize(
    ("minutes", "interval", "message"),
    [
        ((0, 5), 5, "2 frames up to 2020-07-01T12:05:00, 5 minutes apart, expected 3"),
        ((0, 5, 15, 20, 25), 10, "comes 10 minutes after the one before, expected 5"),
        ((0, 5, 10, 15, 17, 20), 10, "comes 2 minutes after the one before"),
        ((0, 10, 20, 30), 5, "frames are 10 minutes apart, the model takes frames 5 minutes"),
        ((0, 6, 12, 18, 24), 10, "frames are 6 minutes apart"),
        ((0, 5, 5, 10), 5, "f5.h5 and f5.h5: hold two frames|f5.h5: hold two frames"),
        ((0, 60, 120), 5, "frames are 60 minutes apart"),
    ],
)
def test_times_that_do_not_fit_are_refused(minutes, interval, message):
    with pytest.raises(Refusal, match=message):
        choose(places(*minutes), None, needed(interval=interval))


def test_a_time_that_no_frame_has_is_refused_with_those_nearest():
    with pytest.raises(Refusal) as refusal:
        choose(places(0, 5, 10), START + 7 * MINUTE, needed())
    assert "nearest are of 2020-07-01T12:05:00 and 2020-07-01T12:10:00" in str(refusal.value)
