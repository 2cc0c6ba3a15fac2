import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from mindcast.data import open_split
from tests.data.radar.archive import archives
from tests.data.radar.made_up import (
    CHANGES,
    change_names,
    codes,
    codes_of,
    outcome,
    stored_as,
    type_names,
)
from tests.data.radar.sequences import sequence_sets
from tests.data.radar.windows import frames_of

FRAMES, SIZE = 10, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("made_up")


def anew(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def write_sequences(folder, array, attributes, place=""):
    """The array as the two sequences of a group; attributes on each, or on the group."""
    with h5py.File(folder / "set.h5", "w") as file:
        group = file.create_group("test")
        for k in range(2):
            group[str(k)] = array
        where = {"": [group["0"], group["1"]], "group": [group], "file": [file]}
        if place == "what":
            where["what"] = [group.create_group("what")]
        for holder in where[place]:
            holder.attrs.update(attributes)


def read_sequences(folder, **changes):
    settings = sequence_sets.settings(folder / "set.h5", **changes)
    samples = open_split(settings, "test", sequence_sets.window(5, 5, (SIZE, SIZE)))
    return np.concatenate([frames_of(samples[k])[..., 0] for k in range(2)]) * 255


def write_archive(folder, array, attributes):
    path = archives.write_events(folder, array[None])
    with h5py.File(path, "a") as file:
        file["vil"].attrs.update(attributes)
    archives.write_catalogue(folder, [archives.row("A")])


def read_archive(folder):
    samples = open_split(archives.settings(folder), "train", archives.window(5, 5))
    return np.concatenate([frames_of(samples[k])[..., 0] for k in range(2)]) * 255


def judge(found, name, expected):
    """Codes that the attributes give back are read, right to rounding; others are refused."""
    if CHANGES[name][1] is None or name in ("unclear", "no numbers"):
        assert found is None
    else:
        assert found is not None
        np.testing.assert_allclose(found, expected, atol=1e-3)


@few(max_examples=70)
@given(change_names, type_names, codes_of, st.sampled_from(["", "group", "file", "what"]))
def test_sequences_are_read_right_or_refused(folder, name, kind, seed, place):
    change, attributes = CHANGES[name]
    expected = codes(seed, (FRAMES, SIZE, SIZE))
    stored = stored_as(change(expected), kind)
    if stored is None:
        return
    anew(folder)
    write_sequences(folder, stored, attributes or {}, place)
    found = outcome(folder, lambda: read_sequences(folder))
    judge(found, name, expected)


@few(max_examples=50)
@given(change_names, type_names, codes_of)
def test_events_are_read_right_or_refused(folder, name, kind, seed):
    change, attributes = CHANGES[name]
    expected = codes(seed, (FRAMES, SIZE, SIZE))
    stored = stored_as(np.moveaxis(change(expected), 0, -1), kind)
    if stored is None:
        return
    anew(folder)
    write_archive(folder, stored, attributes or {})
    found = outcome(folder, lambda: read_archive(folder))
    judge(found, name, expected)


@few(max_examples=30)
@given(
    st.lists(st.integers(0, 12), max_size=5).map(tuple),
    st.sampled_from(["u1", "f4", "c8", "S4", "?"]),
)
def test_arrays_of_any_shape_and_type_are_read_or_refused(folder, shape, kind):
    anew(folder)
    array = np.zeros(shape, kind)
    write_sequences(folder, array, {})
    found = outcome(folder, lambda: read_sequences(folder))
    assert found is None or (len(shape) == 3 and not found.any())
    write_archive(folder, array, {})
    found = outcome(folder, lambda: read_archive(folder))
    assert found is None or (shape == (SIZE, SIZE, FRAMES) and not found.any())


@few(max_examples=50)
@given(st.floats(0, 1), st.booleans(), st.booleans(), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_read_or_refused(folder, share, is_archive, is_cut, noise):
    anew(folder)
    expected = codes(0, (FRAMES, SIZE, SIZE))
    if is_archive:
        write_archive(folder, np.moveaxis(expected, 0, -1).astype("u1"), {"scale_factor": 1.0})
        path, read = folder / "data" / archives.FILE, read_archive
    else:
        write_sequences(folder, expected.astype("u1"), {"scale_factor": 1.0})
        path, read = folder / "set.h5", read_sequences
    content = path.read_bytes()
    at = int(share * len(content))
    path.write_bytes(content[:at] if is_cut else content[:at] + noise + content[at + len(noise) :])
    found = outcome(folder, lambda: read(folder))
    if found is not None:
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 255.001


DAYS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.binary(max_size=12),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(),
    st.datetimes().map(lambda time: time.isoformat()),
    st.datetimes().map(lambda time: [f"{time.isoformat()}Z"]),
    st.datetimes().map(lambda time: np.bytes_(f"{time.isoformat()}+05:30")),
)


@given(DAYS)
def test_first_times_of_any_kind_are_read_or_refused_when_the_split_is_opened(folder, day):
    anew(folder)
    try:
        write_sequences(
            folder,
            codes(0, (FRAMES, SIZE, SIZE)).astype("u1"),
            {} if day is None else {"first_frame_utc": day},
        )
    except (ValueError, TypeError, OSError):
        return  # HDF5 itself cannot hold it
    settings = sequence_sets.settings(folder / "set.h5")
    cut = sequence_sets.window(5, 5, (SIZE, SIZE))

    def times():
        samples = open_split(settings, "test", cut)
        return np.concatenate([samples.times(k) for k in range(len(samples))])

    found = outcome(folder, times)
    if isinstance(day, str) and len(day) > 12:
        assert found is not None
        assert found[0] == np.datetime64(day, "m")
    elif isinstance(day, int | float):
        assert found is None
