from pathlib import Path

import numpy as np
import pytest

from tests.parity.__main__ import check, main
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.handlers import SYSTEMS, handler_for

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
FILES = sorted(path for system in SYSTEMS for path in (GOLDEN / system).glob("*.npz"))
ABSENT = pytest.param(
    None, id="none", marks=pytest.mark.skip(reason=f"no golden files in {GOLDEN}")
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", FILES or [ABSENT], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_golden_file_is_reproduced(path):
    good, line = check(path, handler_for(path))
    assert good, line


def test_a_deviation_beyond_the_tolerance_fails():
    expected = np.array([1.0, -2.0])
    assert Comparison("x", expected + 1e-4, expected).passed()  # 1e-4 of the maximum 2: 5e-5
    assert not Comparison("x", expected + 3e-4, expected).passed()


def test_other_shapes_nan_and_unequal_integers_fail():
    expected = np.ones(3)
    assert not Comparison("x", np.ones(4), expected).passed()
    assert not Comparison("x", expected * np.nan, expected).passed()
    assert not Comparison("x", np.array([1, 3]), np.array([1, 2]), tolerance=0).passed()


def test_the_longest_prefix_picks_the_handler():
    cuboid = handler_for(Path("prediff/cuboid_mask_other.npz"))
    assert cuboid is not handler_for(Path("prediff/cuboid_attn_local.npz"))
    assert handler_for(Path("prediff/nothing_known.npz")) is None
    assert handler_for(Path("elsewhere/cuboid_mask.npz")) is None


def test_a_file_of_no_known_kind_is_a_failure(tmp_path, capsys):
    folder = tmp_path / "prediff"
    folder.mkdir()
    np.savez(folder / "mystery.npz", x=np.zeros(1))
    assert main([str(folder)]) == 1
    assert "0 passed, 1 failed" in capsys.readouterr().out


def test_an_empty_folder_is_no_success(tmp_path):
    assert main([str(tmp_path)]) == 2


def test_a_case_is_a_view_by_prefix():
    golden = GoldenFile({"odd/in/x": np.zeros(1), "even/in/x": np.ones(1)}, "f")
    assert list(golden.case("odd/")) == ["in/x"]
