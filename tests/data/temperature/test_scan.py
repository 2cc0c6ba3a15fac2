import numpy as np
import pytest

from mindcast.data.temperature.grid import along_grid, great_circle_steps, x_axis_angle
from mindcast.data.temperature.scan import scan
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, projected, write

TRUTH = dataset().t.values


def era5(data):
    """As the Climate Data Store writes it since 2024."""
    z = data.gh * 9.80665
    data = data.drop_vars("gh").assign(z=z.assign_attrs(units="m**2 s**-2"))
    names = {"time": "valid_time", "level": "pressure_level", "lat": "latitude", "lon": "longitude"}
    return data.rename(names).assign_coords(number=0, expver="0001")


def cfgrib(data):
    """As cfgrib opens GRIB: a run time and steps, the ensemble as one more axis."""
    hours = 6.0 * np.arange(data.sizes["time"])
    data = data.rename(time="step", level="isobaricInhPa", lat="latitude", lon="longitude")
    data = data.assign_coords(
        step=("step", hours, {"units": "hours"}), time=np.datetime64("2020-01-01T00", "ns")
    )
    return data.expand_dims(number=[3])


def cmip(data):
    names = {"t": "ta", "u": "ua", "v": "va", "w": "wap", "gh": "zg", "sp": "ps", "level": "plev"}
    data = data.rename(names).isel(plev=slice(None, None, -1))  # from the top downwards
    return data.assign_coords(plev=("plev", 100 * data.plev.values, {"units": "Pa"}))


def ncl(data):
    names = {
        "t": "TMP_P0_L100_GLL0",
        "u": "UGRD_P0_L100_GLL0",
        "v": "VGRD_P0_L100_GLL0",
        "w": "VVEL_P0_L100_GLL0",
        "gh": "HGT_P0_L100_GLL0",
        "sp": "PRES_P0_L1_GLL0",
        "level": "lv_ISBL0",
        "lat": "lat_0",
        "lon": "lon_0",
    }
    return data.rename(names)


def java(data):
    names = {
        "t": "Temperature_isobaric",
        "u": "u-component_of_wind_isobaric",
        "v": "v-component_of_wind_isobaric",
        "w": "Vertical_velocity_pressure_isobaric",
        "gh": "Geopotential_height_isobaric",
        "sp": "Pressure_surface",
        "level": "isobaric1",
    }
    data = data.rename(names)
    return data.assign_coords(isobaric1=("isobaric1", 100 * data.isobaric1.values))  # no unit


@pytest.mark.parametrize("layout", [era5, cfgrib, cmip, ncl, java], ids=lambda f: f.__name__)
def test_the_layouts_of_common_archives_are_understood(tmp_path, layout):
    file = scan(write(layout(dataset()), tmp_path / "a.nc"))
    wanted = {"temperature", "u", "v", "omega", "height", "surface_pressure"}
    assert wanted <= file.variables.keys()
    assert [str(s.time) for s in file.states[:2]] == ["2020-01-01T00:00", "2020-01-01T06:00"]
    for number, state in enumerate(file.states):
        np.testing.assert_array_equal(file.read("temperature", state, LEVELS), TRUTH[number])
    height = file.read("height", file.states[1], LEVELS)
    np.testing.assert_allclose(height, dataset().gh.values[1], rtol=1e-6)
    assert file.read("surface_pressure", file.states[0]).shape == TRUTH.shape[2:]


def test_the_number_of_an_ensemble_member_is_kept(tmp_path):
    file = scan(write(cfgrib(dataset()), tmp_path / "a.nc"))
    assert {state.member for state in file.states} == {3}


def test_levels_come_in_the_order_that_is_asked_for_whatever_the_file_s(tmp_path):
    falling = scan(write(dataset(), tmp_path / "a.nc"))
    rising = scan(write(dataset().isel(level=slice(None, None, -1)), tmp_path / "b.nc"))
    for file in (falling, rising):
        got = file.read("temperature", file.states[0], (850.0, 500.0))
        np.testing.assert_array_equal(got, TRUTH[0, 1:])


def test_units_are_converted(tmp_path):
    data = dataset()
    data["t"] = (data.t - np.float32(273.15)).assign_attrs(units="degC")
    data["w"] = (data.w / 100).assign_attrs(units="hPa/s")
    data["sp"] = (data.sp / 100).assign_attrs(units="hPa")
    file = scan(write(data, tmp_path / "a.nc"))
    state = file.states[0]
    np.testing.assert_allclose(file.read("temperature", state, LEVELS), TRUTH[0], rtol=1e-6)
    omega = file.read("omega", state, LEVELS)
    np.testing.assert_allclose(omega, dataset().w.values[0], rtol=1e-5)
    assert file.read("surface_pressure", state).max() == pytest.approx(101000)


def test_a_vertical_wind_in_metres_per_second_is_no_omega(tmp_path):
    data = dataset()
    data["w"].attrs["units"] = "m s-1"
    assert "omega" not in scan(write(data, tmp_path / "a.nc")).variables


def test_geopotential_at_the_ground_is_orography_and_on_levels_height(tmp_path):
    data = era5(dataset())
    data["zs"] = data.z.isel(valid_time=0, pressure_level=0, drop=True)
    data.zs.attrs["standard_name"] = "surface_altitude"
    file = scan(write(data, tmp_path / "a.nc"))
    got = file.read("orography", file.states[2])
    np.testing.assert_allclose(got, dataset().gh.values[0, 0], rtol=1e-6)
    assert file.variables["height"].name == "z"


def test_longitudes_run_on_where_the_file_jumps(tmp_path):
    data = dataset()
    jumping = (data.lon.values + 340) % 360  # 350, ..., 359, 0, 1, ...
    file = scan(write(data.assign_coords(lon=jumping), tmp_path / "a.nc"))
    np.testing.assert_allclose(file.grid.x.values, 350 + np.arange(24))
    file = scan(write(data.assign_coords(lon=(jumping + 180) % 360 - 180), tmp_path / "b.nc"))
    np.testing.assert_allclose(file.grid.x.values, -10 + np.arange(24))


def test_columns_from_east_to_west_are_turned_round(tmp_path):
    file = scan(write(dataset().isel(lon=slice(None, None, -1)), tmp_path / "a.nc"))
    assert (file.grid.metric.h_x > 0).all()
    got = file.read("temperature", file.states[0], LEVELS)
    np.testing.assert_array_equal(got, TRUTH[0])


@pytest.mark.parametrize(("step", "periodic"), [(15.0, True), (14.0, False)])
def test_a_closed_circle_of_longitudes_is_found(tmp_path, step, periodic):
    data = dataset().assign_coords(lon=step * np.arange(24))
    assert scan(write(data, tmp_path / "a.nc")).grid.metric.periodic == periodic


def test_a_repeated_last_column_is_left_out(tmp_path):
    data = dataset(width=25).assign_coords(lon=15.0 * np.arange(25))
    file = scan(write(data, tmp_path / "a.nc"))
    assert file.grid.shape == (16, 24)
    assert file.grid.metric.periodic
    assert file.read("temperature", file.states[0], LEVELS).shape == (3, 16, 24)


def test_rows_from_north_to_south_have_a_negative_step(tmp_path):
    for data in (dataset(), projected(dataset())):
        down = scan(write(data, tmp_path / "a.nc")).grid.metric.h_y
        rows = {"lat", "y"} & set(data.dims)
        up = data.isel({rows.pop(): slice(None, None, -1)})
        up_metric = scan(write(up, tmp_path / "b.nc")).grid.metric.h_y
        assert (down < 0).all()
        np.testing.assert_allclose(up_metric[::-1], -down)


def test_a_map_without_scale_factor_takes_its_steps_from_the_positions(tmp_path):
    regular = scan(write(dataset(), tmp_path / "a.nc")).grid
    on_map = scan(write(projected(dataset()), tmp_path / "b.nc")).grid
    assert not on_map.regular
    np.testing.assert_allclose(on_map.metric.h_x, regular.metric.h_x, rtol=1e-3)
    np.testing.assert_allclose(on_map.metric.h_y, regular.metric.h_y, rtol=1e-3)


def test_a_map_with_scale_factor_takes_its_steps_from_both(tmp_path):
    data = projected(dataset(), dx_m=80000.0)
    data["map_factor"] = (("y", "x"), np.full((16, 24), 1.25, np.float32))
    metric = scan(write(data, tmp_path / "a.nc")).grid.metric
    np.testing.assert_allclose(metric.h_x, 64000.0)
    np.testing.assert_allclose(metric.h_y, -64000.0)


def test_steps_across_the_date_line_are_short():
    latitude, longitude = np.meshgrid([10.0, 11.0], [179.0, 180.0, -179.0], indexing="ij")
    along_x, along_y = great_circle_steps(latitude, longitude)
    assert along_x.max() < 112000
    np.testing.assert_allclose(along_y, 111194, rtol=1e-3)  # 6371229 m * pi / 180 = 111198 m


def test_winds_to_east_and_north_are_turned_onto_the_axes_of_a_map():
    # a grid turned by 30 degrees at the equator: its x axis points to 30 degrees north of east
    i, j = np.meshgrid(np.arange(4.0), np.arange(3.0))
    turn = np.radians(30)
    longitude = i * np.cos(turn) - j * np.sin(turn)
    latitude = i * np.sin(turn) + j * np.cos(turn)
    angle = x_axis_angle(0.01 * latitude, 0.01 * longitude)
    np.testing.assert_allclose(angle, turn, rtol=1e-5)
    u, v = along_grid(np.cos(angle), np.sin(angle), angle)  # a wind along the x axis
    np.testing.assert_allclose(u, 1)
    np.testing.assert_allclose(v, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("attributes", "wind_axes", "turned"),
    [
        ({}, "auto", False),
        ({"standard_name": "eastward_wind"}, "auto", True),
        ({"standard_name": "eastward_wind", "GRIB_uvRelativeToGrid": 1}, "auto", False),
        ({"standard_name": "x_wind"}, "auto", False),
        ({"standard_name": "x_wind"}, "earth", True),
        ({"standard_name": "eastward_wind"}, "grid", False),
    ],
)
def test_the_file_or_the_setting_gives_where_winds_point(tmp_path, attributes, wind_axes, turned):
    data = projected(dataset())
    data["lat"] = data.lat + 0.5 * (data.lon - 20)  # a grid that leans
    data.u.attrs.update(attributes)
    write(data, tmp_path / "a.nc")
    fields = opened(tmp_path, patch=Patch(frame=None), wind_axes=wind_axes)
    u = dataset().u.values[0].reshape(3, 4, 4, 6, 4).mean(axis=(2, 4))
    assert np.allclose(fields[0].input.wind_lr[..., 0], u, atol=1e-4) != turned


@pytest.mark.parametrize("packed", [False, True])
def test_classic_and_packed_files_are_read(tmp_path, packed):
    encoding = (
        {"t": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 250.0, "_FillValue": -32768}}
        if packed
        else {}
    )
    file = scan(write(dataset(), tmp_path / "a.nc", engine="scipy", encoding=encoding))
    got = file.read("temperature", file.states[0], LEVELS)
    np.testing.assert_allclose(got, TRUTH[0], atol=0.006 if packed else 0)


def test_one_state_without_a_time_axis_is_read(tmp_path):
    file = scan(write(dataset().isel(time=1), tmp_path / "a.nc"))
    assert [str(state.time) for state in file.states] == ["2020-01-01T06:00"]
    np.testing.assert_array_equal(file.read("temperature", file.states[0], LEVELS), TRUTH[1])


def test_a_run_time_and_steps_give_valid_times(tmp_path):
    data = cfgrib(dataset()).assign_coords(step=("step", [0, 30, 60, 90], {"units": "minutes"}))
    file = scan(write(data, tmp_path / "a.nc"))
    assert str(file.states[3].time) == "2020-01-01T01:30"


@pytest.mark.parametrize(
    "names", [("XLAT", "XLONG"), ("nav_lat", "nav_lon"), ("gridlat_0", "gridlon_0")]
)
def test_positions_on_a_map_are_known_by_several_names(tmp_path, names):
    data = projected(dataset()).rename(dict(zip(("lat", "lon"), names, strict=True)))
    grid = scan(write(data, tmp_path / "a.nc")).grid
    np.testing.assert_allclose(grid.latitude[:, 0], 60.0 - np.arange(16))
    np.testing.assert_allclose(grid.longitude[0], 10.0 + np.arange(24))


def test_a_file_that_changed_is_looked_at_again(tmp_path):
    path = write(dataset(), tmp_path / "a.nc")
    assert len(scan(path).states) == 4
    path.unlink()
    write(dataset(times=2), path)
    assert len(scan(path).states) == 2
