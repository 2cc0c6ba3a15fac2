"""Frames of the tiny files, and what their times must be."""

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.read import find_places, read_frames

TIMES = np.datetime64("2020-07-01T12:00:00") + np.arange(4) * np.timedelta64(300, "s")


def frames_of(inputs, how=None):
    how = how or InputSettings()
    reader, places = find_places(inputs, how, 5)
    return read_frames(reader, places, how)


def expect_times(frames):
    assert frames.times.dtype == np.dtype("datetime64[s]")
    assert (frames.times == TIMES[: len(frames.times)]).all()
    assert frames.values.dtype == np.float32
