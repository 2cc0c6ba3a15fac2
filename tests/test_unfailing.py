import io
from functools import partial

import h5py
import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.unfailing import Unfailing
from tests.full_disk import fill_up_after
from tests.output.nowcasts import TIMES, fill, opened


@pytest.fixture
def fail_after(monkeypatch):
    return partial(fill_up_after, monkeypatch)


@pytest.mark.parametrize("most", [1 << 40, 3000, 0])
def test_it_holds_what_was_written_whatever_became_of_the_disk(tmp_path, fail_after, most):
    fail_after(most)
    rng, plain = np.random.default_rng(0), io.BytesIO()
    file = Unfailing(tmp_path / "a")
    for _ in range(200):
        place, data = int(rng.integers(0, 5000)), rng.bytes(int(rng.integers(1, 90)))
        for each in (file, plain):
            each.seek(place)
            assert each.write(data) == len(data)
            assert each.tell() == place + len(data)
    assert file.seek(0, 2) == plain.seek(0, 2)
    file.seek(0)
    assert file.read(len(plain.getvalue())) == plain.getvalue()
    assert (file.error is None) == (most > 5000)
    if most > 5000:
        assert (tmp_path / "a").read_bytes() == plain.getvalue()


def test_hdf5_closes_what_could_not_be_written_and_the_error_comes_after(tmp_path, fail_after):
    fail_after(20_000)
    disk = Unfailing(tmp_path / "a.h5")
    with h5py.File(disk, "w") as file:
        file["a"] = np.arange(100_000)
        file["a"][:] = 7
    assert not file
    with pytest.raises(OSError, match="No space"):
        disk.check()


@pytest.mark.parametrize("most", [0, 2000, 9000, 40_000])
def test_a_nowcast_for_which_the_disk_is_too_small_is_refused_and_gone(tmp_path, fail_after, most):
    fail_after(most)
    frames = np.random.default_rng(0).random((len(TIMES), 48, 40)).astype(np.float32)
    file = opened(tmp_path / "a.nc", grid=None, shape=(48, 40), members=2)
    with pytest.raises(
        Refusal, match=r"a.nc: cannot be written \(No space left on device\); choose"
    ):
        fill(file, enumerate([frames, frames]))
    assert not [*tmp_path.iterdir()]
