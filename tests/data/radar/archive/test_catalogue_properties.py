import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindcast.data import open_split
from tests.data.radar.archive import archives
from tests.data.radar.archive.archives import COLUMNS, FRAMES
from tests.data.radar.made_up import outcome

ODD = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "nan", "inf", "-1", "1e400", "0x1", "\x00", "9" * 30])
)
TIME = "2019-01-01 12:00:00"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    archives.write_events(root, archives.random_events(3))
    return root


def times(root, **changes):
    samples = open_split(archives.settings(root, **changes), "train", archives.window(4, 6))
    return np.array([samples.times(k) for k in range(len(samples))])


@given(st.integers(1, 30), st.integers(-400, 400), st.integers(1, 3), st.integers(0, 4))
def test_minutes_are_those_of_the_catalogue_or_it_is_refused(root, step, first, thinning, more):
    # as many offsets as an archive had before it was thinned, and some more
    count = (FRAMES - 1) * thinning + 1 + more
    offsets = [first + k * step for k in range(count)]
    row = {**archives.row("A"), "minute_offsets": ":".join(map(str, offsets))}
    archives.write_catalogue(root, [row])
    found = outcome(root, lambda: times(root, interval_minutes=10))
    fits = len(offsets[::thinning]) == FRAMES or (more == 0)
    if not fits or step * thinning != 10:
        assert found is None or step * max((count - 1) // (FRAMES - 1), 1) == 10
    if more == 0 and step * thinning == 10:
        start = np.datetime64("2019-01-01T12:00") + np.timedelta64(first, "m")
        assert found[0].tolist() == [start + np.timedelta64(10 * k, "m") for k in range(4)]


@given(st.lists(st.integers(1, 40), min_size=FRAMES - 1, max_size=FRAMES - 1))
def test_uneven_minutes_are_refused(root, steps):
    offsets = np.concatenate([[0], np.cumsum(steps)])
    row = {**archives.row("A"), "minute_offsets": ":".join(map(str, offsets))}
    archives.write_catalogue(root, [row])
    found = outcome(root, lambda: times(root, interval_minutes=10))
    grid = offsets - 10 * np.arange(FRAMES)
    is_even = np.abs(grid - grid.mean()).max() <= 1
    assert (found is not None) == is_even


@given(st.sampled_from([*COLUMNS, "minute_offsets"]), ODD)
def test_a_field_of_any_text_is_read_or_refused(root, column, text):
    rows = [{**archives.row("A", 0), "minute_offsets": ""}, archives.row("B", 1)]
    rows[0][column] = text
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), restval="")
    writer.writeheader()
    try:
        writer.writerows(rows)
        content = written.getvalue().encode("utf-8")
    except (csv.Error, UnicodeEncodeError):
        return  # no CSV can hold it
    (root / "CATALOG.csv").write_bytes(content)
    found = outcome(root, lambda: times(root))
    if found is not None:
        assert found.shape[1:] == (4,)


@given(st.binary(max_size=300), st.booleans(), st.integers(0, 300))
def test_a_catalogue_of_any_bytes_is_read_or_refused(root, noise, is_all, at):
    archives.write_catalogue(root, [archives.row("A", 0), archives.row("B", 1)])
    content = (root / "CATALOG.csv").read_bytes()
    (root / "CATALOG.csv").write_bytes(noise if is_all else content[:at] + noise + content[at:])
    outcome(root, lambda: times(root))
