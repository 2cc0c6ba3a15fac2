import numpy as np

from mindcast.visualization.times import clock, moment, signed


def test_times_are_written_to_the_minute():
    time = np.datetime64("2018-09-17T07:20")
    assert moment(time) == "2018-09-17 07:20 UTC"
    assert clock(time) == "07:20"


def test_minutes_have_their_sign():
    assert [signed(minutes) for minutes in (-20, 0, 5)] == ["−20 min", "0 min", "+5 min"]
