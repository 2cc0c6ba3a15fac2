from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mindcast.data.radar.sequences.frame_times import gaps_of, times_of
from mindcast.refusal import Refusal

START = datetime(2020, 7, 1, 23, 50)


def stamps(pattern, minutes=(0, 5, 10, 15)):
    return [(START + timedelta(minutes=m)).strftime(pattern) for m in minutes]


def paths(names):
    return [Path("frames") / f"{name}.png" for name in names]


@pytest.mark.parametrize(
    "pattern",
    [
        "%Y%m%d%H%M",
        "%Y%m%d%H%M%S",
        "%Y%m%dT%H%M%SZ",
        "%Y-%m-%d_%H-%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y_%m_%d_%H_%M_%S",
        "radar_%Y%m%d_%H%M",
        "RAD_NL25_RAP_5min_%Y%m%d%H%M",
        "MRMS_00.00_%Y%m%d-%H%M%S.grib2",
        "KABC%Y%m%d_%H%M%S_V06",
        "3IMERG.%Y%m%d-S%H%M%S",
        "%Y.%m.%d.%H.%M",
        "dwd-%y%m%d%H%M---bin",
        "raa01-%y%m%d%H%M-dwd---bin",  # 01-20 07 01 looks like a date until its month is read
        "20200701_0000_%Y%m%d_%H%M",  # the run before the valid time
        "RAD%y%m%d%H%M00",
        "%d%m%Y_%H%M",
        "s%Y%j%H%M%S0",
    ],
)
def test_times_are_read_in_the_usual_ways(pattern):
    expected = np.array(START, "datetime64[s]") + np.arange(4) * np.timedelta64(300, "s")
    np.testing.assert_array_equal(times_of(paths(stamps(pattern)), 5), expected)


def test_the_day_may_be_the_name_of_the_folder():
    files = [Path("20200701") / f"{name}.png" for name in ("2350", "2355")]
    assert str(times_of(files, 5)[1]) == "2020-07-01T23:55:00"
    assert times_of([Path("20200701") / f"{k:04d}.png" for k in range(9)], 5) is None


@pytest.mark.parametrize(("step", "per_second"), [(300, 1), (300, 1000)])
def test_seconds_and_milliseconds_since_1970_are_times_where_they_step_so(step, per_second):
    first = 1593647400  # 2020-07-01T23:50
    names = [f"f{(first + k * step) * per_second}" for k in range(3)]
    assert str(times_of(paths(names), 5)[0]) == "2020-07-01T23:50:00"
    assert times_of(paths(names), 10) is None


@pytest.mark.parametrize(
    "names",
    [
        [str(k) for k in range(5)],
        [f"frame_{k:04d}" for k in range(5)],
        [f"20200701_{k:03d}" for k in range(5)],
        [f"202007011200_{k:02d}" for k in range(5)],  # the time of the event
        [f"20200701_{k:04d}" for k in range(58, 63)],  # 0060 is no time, so none of them is
        ["20200701_1200", "20200701_1205", "mean"],
        [f"16073113{k:02d}" for k in range(2, 60, 10)],  # not 5 apart, in any reading
    ],
)
def test_names_without_times_have_none(names):
    assert times_of(paths(names), 5) is None


def gaps(minutes, interval=5):
    names = stamps("%Y%m%d_%H%M%S", minutes)
    files = [Path(f"{name}.npy") for name in names]
    return gaps_of(files, times_of(files, interval), interval)


def test_a_gap_is_a_step_over_a_frame():
    assert gaps([0, 5, 10, 20, 25, 745, 750, 755]) == (3, 5)
    assert gaps([0]) == ()


def test_clocks_that_jitter_make_no_gap():
    assert gaps([0, 5.5, 9.7, 15.2, 20]) == ()


@pytest.mark.parametrize(
    ("minutes", "interval", "words"),
    [
        (
            [0, 10, 20, 30],
            5,
            "frames are 10 minutes apart, expected data.interval_minutes = 5; set",
        ),
        (
            [0, 5, 10, 15],
            6,
            "set data.interval_minutes=5, or set data.prepare.times_in_names=false",
        ),
        ([0, 5, 5, 10], 5, "20200701_235500.npy: by its name of the same time as 20200701_235500"),
        ([0, 5, 3, 8, 13], 5, "_235300.npy: by its name of an earlier time than 20200701_235500"),
        ([0, 5, 10, 11, 15], 5, "20200702_000100.npy: by its name 1 minutes after 20200702_000000"),
    ],
)
def test_times_that_do_not_fit_are_refused_with_the_frames(minutes, interval, words):
    with pytest.raises(Refusal) as caught:
        gaps(minutes, interval)
    assert words in str(caught.value)
