import numpy as np
import pytest
import xarray as xr

from mindcast.data.temperature.scan import scan
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, dataset, opened, write


def read(path, quantity="temperature"):
    """All fields of a quantity, in the order of the file's states."""
    file = scan(path)
    return np.array([file.read(quantity, state, LEVELS) for state in file.states])


@pytest.mark.parametrize(
    "axis", ["surface", "height", "lev_2", "month", "heightAboveGround", "number", "level1", "foo"]
)
@pytest.mark.parametrize("last", [False, True])
def test_an_axis_of_one_cell_is_taken_away(tmp_path, axis, last):
    data = dataset()
    pressure = data.sp.expand_dims({axis: [0.0]})
    data["sp"] = pressure.transpose(..., axis) if last else pressure
    got = read(write(data, tmp_path / "a.nc"), "surface_pressure")
    np.testing.assert_array_equal(got, dataset().sp.values)


@pytest.mark.parametrize(("name", "quantity"), [("sp", "surface_pressure"), ("u", "u")])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_second_axis_of_time_is_matched_by_time(tmp_path, name, quantity, backwards):
    data = dataset()
    own = data[name].rename(time="time1") + xr.DataArray(np.arange(4.0), dims="time1")
    data[name] = (own[::-1] if backwards else own).assign_attrs(data[name].attrs)
    expected = dataset()[name] + xr.DataArray(np.arange(4.0), dims="time")
    np.testing.assert_allclose(
        read(write(data, tmp_path / "a.nc"), quantity), expected.values, rtol=1e-6
    )


def test_other_times_of_a_variable_are_refused_with_its_name_and_axis(tmp_path):
    data = dataset()
    data["u"] = data.u.rename(time="time1").assign_coords(
        time1=data.time.values + np.timedelta64(3, "h")
    )
    write(data, tmp_path / "a.nc")
    with pytest.raises(Refusal) as caught:
        opened(tmp_path)
    message = str(caught.value)
    assert "a.nc: no u at 2020-01-01T00:00 (u on time1); it has 4 states from" in message


def test_a_mask_of_another_time_serves_all_since_it_does_not_change(tmp_path):
    data = dataset()
    mask = np.random.default_rng(0).random((1, 16, 24))
    data["lsm"] = (("time1", "lat", "lon"), mask, {"units": "1"})
    data = data.assign_coords(time1=[np.datetime64("1990-01-01", "ns")])
    got = read(write(data, tmp_path / "a.nc"), "land_sea_mask")
    np.testing.assert_array_equal(got, np.repeat(mask, 4, axis=0))


def test_a_mask_by_month_is_refused_with_the_axis(tmp_path):
    data = dataset().assign(lsm=(("month", "lat", "lon"), np.ones((12, 16, 24)), {"units": "1"}))
    with pytest.raises(Refusal, match=r"axis month of lsm \(length 12\), expected one of level"):
        scan(write(data, tmp_path / "a.nc"))


def test_axes_are_known_by_their_attributes_whatever_they_are_called(tmp_path):
    data = dataset().rename(lat="a1", lon="a2", level="a3", time="a4")
    data["a1"].attrs = {"standard_name": "latitude", "units": "degrees_north"}
    data["a2"].attrs = {"units": "degrees_E"}
    data["a3"].attrs = {"units": "hPa"}
    data = data.transpose("a2", "a3", "a1", "a4")
    np.testing.assert_array_equal(read(write(data, tmp_path / "a.nc")), dataset().t.values)


def test_axes_take_the_values_of_the_variables_that_lie_along_them(tmp_path):
    data = dataset().rename(lat="nlat", lon="nlon", level="nlev", time="record")
    names = {"nlat": "lat", "nlon": "lon", "nlev": "plev", "record": "time"}
    values = {name: (axis, data[axis].values, data[axis].attrs) for axis, name in names.items()}
    path = write(data.drop_vars(list(names)).assign(values), tmp_path / "a.nc")
    np.testing.assert_array_equal(read(path), dataset().t.values)
    assert scan(path).grid.equals(scan(write(dataset(), tmp_path / "b.nc")).grid)


def test_staggered_winds_are_left_alone(tmp_path):
    data = dataset()
    data["u"] = data.u.rename(lon="slon").assign_coords(slon=data.lon.values + 0.5)
    assert "u" not in scan(write(data, tmp_path / "a.nc")).variables


def test_winds_on_axes_of_the_same_points_are_read(tmp_path):
    data = dataset()
    data["u"] = data.u.rename(lon="lon_2", lat="lat_2")
    np.testing.assert_array_equal(read(write(data, tmp_path / "a.nc"), "u"), dataset().u.values)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["r1i1p1f1", "r2i1p1f1"], ["mr1i1p1f1", "mr2i1p1f1"]),
        (["p01", "c00"], ["mp01", "mc00"]),
        ([b"a/b", b"c d"], ["ma-b", "mc-d"]),
        ([0.5, 1.5], ["m0.5", "m1.5"]),
        ([3, 9], ["m3", "m9"]),
        ([3.0, 9.0], ["m3", "m9"]),
    ],
)
@pytest.mark.parametrize("axis", ["number", "realization", "member_id", "ensemble"])
def test_members_are_read_in_their_order_by_name_or_number(tmp_path, names, labels, axis):
    data = dataset()
    data = data.assign(t=xr.concat([data.t, data.t + 1], axis))
    written = np.array(names, dtype=object) if isinstance(names[0], str) else np.array(names)
    data = data.assign_coords({axis: (axis, written)})
    write(data, tmp_path / "a.nc", engine="netcdf4")
    fields = opened(tmp_path, train={"end": "2020-01-01T00:00"})
    states = fields.parts[0].states
    whole = isinstance(names[0], int | float) and names[0] == 3
    assert [state.member for state in states] == ([3, 9] if whole else [0, 1])
    stems = {fields.label(i).split("_y")[0] for i in range(len(fields))}
    assert stems == {f"a_20200101T0000_{label}" for label in labels}
    got = fields.parts[0].file.read("temperature", states[1], LEVELS)
    np.testing.assert_allclose(got, dataset().t.values[0] + 1, rtol=1e-6)


def test_members_of_a_surface_file_are_matched_by_name(tmp_path):
    data = dataset().drop_vars("sp").expand_dims(number=np.array(["c00", "p01"], object))
    ground = dataset()[["sp"]].expand_dims(number=np.array(["p01", "c00"], object)).copy(deep=True)
    ground.sp[0] -= 5000  # of p01
    write(data, tmp_path / "a.nc")
    file = scan(tmp_path / "a.nc", surface=write(ground, tmp_path / "ground.nc"))
    for state in file.states:
        expected = 96000 if state.name == "p01" else 101000
        assert (file.read("surface_pressure", state) == expected).all()


@pytest.mark.parametrize("versions", [[1, 5], [5, 1], ["0001", "0005"], ["0005", "0001"]])
def test_era5_and_its_preliminary_part_are_one(tmp_path, versions):
    data = dataset()
    for name in ("t", "u", "sp"):
        final = data[name].copy(deep=True)
        final[2:] = np.nan
        preliminary = data[name].copy(deep=True)
        preliminary[:2] += 5  # where both are given the final one counts
        pair = [final, preliminary] if int(versions[0]) == 1 else [preliminary, final]
        data[name] = xr.concat(pair, "expver").transpose("time", "expver", ...)
    written = np.array(versions, dtype=object if isinstance(versions[0], str) else int)
    path = write(data.assign_coords(expver=("expver", written)), tmp_path / "a.nc")
    for name, quantity in (("t", "temperature"), ("u", "u"), ("sp", "surface_pressure")):
        np.testing.assert_array_equal(read(path, quantity), dataset()[name].values)


def test_the_new_layout_of_the_climate_data_store_is_read(tmp_path):
    names = {"time": "valid_time", "level": "pressure_level", "lat": "latitude", "lon": "longitude"}
    data = (
        dataset()
        .rename(names)
        .assign_coords(number=0, expver=("valid_time", np.array(["0001"] * 3 + ["0005"], object)))
    )
    data["z"] = (data.gh * 9.80665).assign_attrs(units="m**2 s**-2")
    path = write(data.drop_vars("gh"), tmp_path / "a.nc")
    np.testing.assert_array_equal(read(path), dataset().t.values)
    np.testing.assert_allclose(read(path, "height"), dataset().gh.values, rtol=1e-6)
