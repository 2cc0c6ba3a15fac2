import numpy as np
import pyproj
import pytest

from mindcast.output.nowcast_reading import stored_nowcast
from mindcast.refusal import Refusal
from tests.output.nowcasts import REFERENCE, SWISS, THRESHOLDS, TIMES, grid, members, write


@pytest.mark.parametrize("unit", ["dBZ", "mm/h", "VIL"])
def test_what_a_file_holds_comes_back(tmp_path, unit):
    path = write(tmp_path / "a.nc", unit=unit)
    with stored_nowcast(path) as stored:
        assert (stored.unit, stored.count, stored.method) == (unit, 3, "a model")
        assert stored.thresholds == THRESHOLDS
        np.testing.assert_array_equal(stored.times, TIMES)
        assert stored.reference == REFERENCE
        np.testing.assert_array_equal(stored.member(1), members()[1])
        np.testing.assert_allclose(stored.mean(), members().mean(axis=0), rtol=1e-6)
        share = (members() >= THRESHOLDS[1]).mean(axis=0)
        known = ~np.isnan(members()).any(axis=0)
        np.testing.assert_allclose(stored.probability(THRESHOLDS[1])[known], share[known])


def test_the_map_comes_back(tmp_path):
    with stored_nowcast(write(tmp_path / "a.nc")) as stored:
        found = stored.grid
    assert pyproj.CRS(found.projection) == pyproj.CRS(SWISS)
    np.testing.assert_array_equal(found.x, grid().x)
    np.testing.assert_array_equal(found.y, grid().y)


def test_without_members_and_map_there_are_none(tmp_path):
    path = write(tmp_path / "a.nc", members(1), members=None, grid=None)
    with stored_nowcast(path) as stored:
        assert (stored.count, stored.grid, stored.thresholds) == (None, None, ())
        np.testing.assert_array_equal(stored.member(0), members(1)[0])
        np.testing.assert_array_equal(stored.mean(), members(1)[0])


def test_the_method_is_named_where_a_model_has_several(tmp_path):
    path = write(tmp_path / "a.nc", provenance={"model": "a model", "method": "its mean"})
    with stored_nowcast(path) as stored:
        assert stored.method == "its mean"


def test_what_is_no_nowcast_is_refused(tmp_path):
    import xarray

    text, other = tmp_path / "a.txt", tmp_path / "b.nc"
    text.write_text("no NetCDF")
    with pytest.raises(Refusal, match=r"a\.txt: cannot be read as NetCDF-4"):
        stored_nowcast(text).__enter__()
    xarray.Dataset({"t": ("x", np.zeros(3))}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(Refusal, match=r"b\.nc: is no nowcast as MindCast writes them"):
        stored_nowcast(other).__enter__()
