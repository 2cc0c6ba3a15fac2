import numpy as np
import pytest

from tests.data.incoming import files
from tests.data.incoming.files import codes, series
from tests.data.incoming.reading import expect_times, frames_of


@pytest.mark.parametrize(
    ("unit", "bounds", "factor", "found"),
    [
        ("mm/h", False, 1, "mm/h"),
        ("mm h-1", False, 1, "mm/h"),
        ("kg m-2 s-1", False, 3600, "mm/h"),
        ("m s-1", False, 3.6e6, "mm/h"),
        ("mm/5min", False, 12, "mm/h"),
        ("mm per 30 minutes", False, 2, "mm/h"),
        ("mm", True, 12, "mm/h"),  # in 5 minutes
        ("kg m-2", True, 12, "mm/h"),
        ("dBZ", False, 1, "dBZ"),
    ],
)
def test_cf_units_become_rates_and_reflectivity(tmp_path, unit, bounds, factor, found):
    values = codes().astype(np.float64) / factor
    values[1, 2] = np.nan
    frames = frames_of(
        series(tmp_path, files.write_netcdf, 2, unit=unit, values=values, bounds=bounds)
    )
    expect_times(frames)
    expected = codes().astype(np.float64)
    expected[1, 2] = np.nan
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-5)
    assert frames.unit == found


def test_cf_rows_from_south_to_north_are_turned(tmp_path):
    down = frames_of(series(tmp_path / "a", files.write_netcdf, 1))
    up = frames_of(series(tmp_path / "b", files.write_netcdf, 1, up=True))
    np.testing.assert_array_equal(up.values, down.values)
    np.testing.assert_array_equal(up.grid.y, down.grid.y)
    assert down.grid.y[0] == 60_000
    assert down.grid.pixel_m == pytest.approx((2000, 2000))


def test_cf_degrees_become_an_even_grid_of_metres_at_the_same_places(tmp_path):
    frames = frames_of(series(tmp_path, files.write_netcdf, 1, degrees=True))
    latitude, longitude = frames.grid.degrees()
    np.testing.assert_allclose(latitude[:, 0], np.arange(6)[::-1] * 2.0 + 50, atol=1e-6)
    np.testing.assert_allclose(longitude[0], np.arange(8) * 2.0, atol=1e-6)


def write_unplaced(folder, time, latitudes):
    """A file without axes; `latitudes` of its rows, if there are any."""
    import xarray as xr

    data = xr.Dataset({"rain": (("j", "i"), codes() / 10.0, {"units": "mm/h"})})
    data["time"] = ((), np.datetime64(time, "ns"))
    if latitudes is not None:
        positions = np.broadcast_to(np.array(latitudes)[:, np.newaxis], (6, 8))
        data["lat"] = (("j", "i"), positions, {"units": "degrees_north"})
    data.to_netcdf(folder / f"rain_{time:%H%M}.nc", engine="h5netcdf")


@pytest.mark.parametrize(
    ("latitudes", "turned", "note"),
    [
        (None, False, "row 0 is taken as north"),
        (range(50, 56), True, "does not state a projection"),
        (range(56, 50, -1), False, "does not state a projection"),
    ],
)
def test_cf_rows_without_axes_lie_as_their_latitudes_say(tmp_path, latitudes, turned, note):
    frames = frames_of(series(tmp_path, write_unplaced, 1, latitudes=latitudes))
    expected = codes()[::-1] if turned else codes()
    np.testing.assert_allclose(frames.values[0], expected / 10, rtol=1e-6)
    assert frames.grid is None
    assert note in frames.notes[0]


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT"])
def test_a_cf_file_may_hold_several_times(tmp_path, kind):
    import xarray as xr

    series(tmp_path / "a", files.write_netcdf, 3)
    data = [xr.load_dataset(path, engine="h5netcdf") for path in sorted((tmp_path / "a").iterdir())]
    joined = xr.concat(data, "time", data_vars="minimal")
    joined.to_netcdf(tmp_path / "b.nc", engine="netcdf4", format=kind)
    frames = frames_of([str(tmp_path / "b.nc")])
    expect_times(frames)
    np.testing.assert_allclose(frames.values[2], codes() / 10, rtol=1e-6)


def test_cf_columns_before_rows_are_transposed(tmp_path):
    import xarray as xr

    series(tmp_path, files.write_netcdf, 1)
    (path,) = tmp_path.iterdir()
    expected = frames_of([str(path)])
    with xr.open_dataset(path, engine="h5netcdf") as data:
        data.load().transpose("time", "x", "y").to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    found = frames_of([str(tmp_path / "b.nc")])
    np.testing.assert_array_equal(found.values, expected.values)
