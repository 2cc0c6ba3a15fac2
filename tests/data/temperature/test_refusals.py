import numpy as np
import pytest

from mindcast.refusal import Refusal
from tests.data.temperature.files import Patch, dataset, opened, projected, write


def refusal(root, data=None, patch=None, split="train", **changes):
    if data is not None:
        write(data, root / "a.nc")
    with pytest.raises(Refusal) as caught:
        list(opened(root, split, patch, **changes))
    message = str(caught.value)
    assert "\n" not in message
    return message


def changed(**values):
    return dataset().assign(values)


def test_a_missing_folder_or_file_is_refused(tmp_path):
    assert f"{tmp_path / 'none'}: no such folder; fix data.root_dir" in refusal(tmp_path / "none")
    assert "no file matches *.nc; fix data.root_dir or data.files" in refusal(tmp_path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("engine", ["h5netcdf", "scipy"])
def test_a_truncated_file_is_refused(tmp_path, keep, engine):
    path = write(dataset(), tmp_path / "a.nc", engine)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    message = refusal(tmp_path)
    assert "a.nc: can" in message
    assert "NetCDF (" in message


@pytest.mark.filterwarnings("ignore:Cannot close a netcdf_file")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GRIB\0\0\0\2", "is a GRIB file; turn it into NetCDF first"),
        (b"", "is empty; fetch it again"),
        (b"hello, world", "is text; look at it"),
        (b"\xfe\x01\x02\x80", "is no NetCDF file; fix data.files"),
        (b"PK\3\4", "is a ZIP archive; unpack it and give the files in it"),
        (b"\x1f\x8b\x08", "is compressed with gzip; unpack it"),
        (b"CDF\1xxxxxxxxx", "NetCDF ("),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, words):
    (tmp_path / "a.nc").write_bytes(content)
    assert words in refusal(tmp_path)


def test_a_file_without_temperature_is_refused_with_the_names_looked_for(tmp_path):
    message = refusal(tmp_path, dataset().rename(t="heat"))
    assert "no temperature on pressure levels, looked for standard_name air_temperature" in message
    assert "found heat, u, v" in message
    surface = dataset()[["sp"]].assign(t=dataset().t.isel(level=0, drop=True))
    assert "no temperature on pressure levels" in refusal(tmp_path, surface)


def test_winds_that_the_priors_need_are_refused_with_what_there_is_instead(tmp_path):
    message = refusal(tmp_path, dataset().drop_vars(["v"]))
    assert "prior_source = winds needs v, looked for standard_name y_wind or v, " in message
    assert message.endswith("choose geostrophic or temperature_only")
    only = refusal(tmp_path, dataset()[["t"]], Patch(prior_source="geostrophic"))
    assert "needs height" in only
    assert only.endswith("choose temperature_only")


def test_an_unknown_prior_source_is_refused(tmp_path):
    message = refusal(tmp_path, dataset(), Patch(prior_source="wind"))
    assert "prior_source = 'wind', expected one of winds, geostrophic, temperature_only" in message


@pytest.mark.parametrize(
    ("name", "standard", "expected"),
    [
        ("t", "air_potential_temperature", "air_temperature"),
        ("t", "virtual_temperature", "air_temperature"),
        ("u", "sea_water_x_velocity", "x_wind"),
    ],
)
def test_another_quantity_under_the_same_name_is_refused(tmp_path, name, standard, expected):
    data = dataset()
    data[name].attrs["standard_name"] = standard
    message = refusal(tmp_path, data)
    assert f"a.nc: {name} is {standard} by its standard_name, expected {expected}" in message


@pytest.mark.parametrize(("name", "value"), [("Scale_Factor", 0.1), ("scale", 0.1), ("bias", 2)])
def test_an_attribute_that_may_change_values_is_refused_by_its_name(tmp_path, name, value):
    data = dataset()
    data["u"].attrs[name] = value
    assert f"a.nc: u has {name} = " in refusal(tmp_path, data)


def test_attributes_that_change_nothing_do_no_harm(tmp_path):
    data = dataset()
    data["u"].attrs |= {"scale": 1.0, "bias": 0, "slope": "linear"}
    write(data, tmp_path / "a.nc")
    assert len(opened(tmp_path))


def test_an_unknown_unit_is_refused(tmp_path):
    data = dataset()
    data.t.attrs["units"] = "furlong"
    message = refusal(tmp_path, data)
    assert "t is in 'furlong', expected a unit of temperature, such as K or degC" in message


@pytest.mark.parametrize(("shift", "factor"), [(-273.15, 1), (0, 10)])
def test_temperatures_that_cannot_be_are_refused(tmp_path, shift, factor):
    message = refusal(tmp_path, changed(t=(dataset().t + shift) * factor))
    assert "a.nc: t from " in message
    assert "K, expected 100 to 400; fix its values or its attribute units" in message


def test_surface_pressures_that_cannot_be_are_refused(tmp_path):
    message = refusal(tmp_path, changed(sp=dataset().sp / 100))
    assert "a.nc: sp from 1010 to 1010 Pa, expected 30000 to 120000" in message
    gap = dataset()
    gap.sp[:, 0, 0] = np.nan
    assert "surface pressure from nan" in refusal(tmp_path, gap)


@pytest.mark.parametrize("name", ["t", "u"])
@pytest.mark.parametrize("level", [0, 2])
def test_missing_values_above_the_ground_are_refused(tmp_path, name, level):
    data = dataset()
    data[name][:, level, 2, 2] = np.nan
    message = refusal(tmp_path, data)
    quantity = {"t": "temperature", "u": "u"}[name]
    assert f"{quantity} at {(1000, 850, 500)[level]} hPa holds NaN or infinity above" in message


def test_a_column_without_any_value_is_refused(tmp_path):
    data = dataset().drop_vars("sp")
    data.t[:, :, 2, 2] = np.nan
    assert "temperature at 500 hPa holds NaN" in refusal(tmp_path, data)


def test_a_missing_level_is_refused_with_the_levels_that_there_are(tmp_path):
    message = refusal(tmp_path, dataset(), Patch(levels_hpa=(1000.0, 700.0, 500.0)))
    assert "no level 700 hPa, found 1000, 850, 500; choose the model's levels_hpa" in message


def test_levels_in_disorder_are_refused(tmp_path):
    data = dataset().isel(level=[1, 0, 2])
    assert "levels 850, 1000, 500 hPa neither rise nor fall" in refusal(tmp_path, data)
    message = refusal(tmp_path, dataset(), Patch(levels_hpa=(500.0, 850.0)))
    assert "levels_hpa = 500, 850: expected two or more, from the bottom upwards" in message


def test_a_grid_too_small_for_the_factor_is_refused(tmp_path):
    message = refusal(tmp_path, dataset(height=10))
    assert "grid of 10 x 24 is too small, factor 4 needs 12 x 12" in message


def test_a_region_too_small_for_the_crops_is_refused(tmp_path):
    message = refusal(tmp_path, dataset(), Patch(frame=(32, 8)))
    assert (
        "16 x 24 cells in the split's region, in whole coarse cells, but the model needs "
        "32 x 8" in message
    )


def test_a_whole_region_too_small_for_derivatives_is_refused(tmp_path):
    whole = Patch(frame=None)
    message = refusal(tmp_path, dataset(height=8), whole)
    assert "grid of 8 x 24 is too small, factor 4 needs 9 x 9; lower the model's" in message
    message = refusal(tmp_path, dataset(), whole, train={"rows": [0, 6]})
    assert "region of 6 x 24 on a grid of 16 x 24 is too small, factor 4 needs 9 x 9" in message
    message = refusal(tmp_path, dataset(), Patch(frame=None, factor=2), train={"rows": [6, 8]})
    assert "2 x 24 cells in the split's region, but the model needs 3 x 3" in message


def test_crops_that_are_not_whole_coarse_cells_are_refused(tmp_path):
    message = refusal(tmp_path, dataset(), crop_stride=6)
    assert "data.crop_stride = 6, expected a multiple of the model's factor 4" in message
    message = refusal(tmp_path, dataset(), Patch(frame=(8, 10)))
    assert "crop of 8 x 10 is no multiple of its factor 4" in message


def test_an_axis_that_stands_for_nothing_is_refused(tmp_path):
    message = refusal(tmp_path, dataset().expand_dims(scenario=2))
    assert "axis scenario of t (length 2), expected one of level, y, x, time" in message


def test_a_file_without_time_is_refused(tmp_path):
    data = dataset(times=1).isel(time=0, drop=True)
    assert "no time that can be decoded, looked for time, valid_time" in refusal(tmp_path, data)


def test_positions_that_cannot_be_are_refused(tmp_path):
    uneven = dataset().assign_coords(lon=np.arange(24) ** 1.5)
    assert "longitudes are not evenly spaced" in refusal(tmp_path, uneven)
    steep = dataset().assign_coords(lat=100.0 - np.arange(16))
    assert "latitudes reach 100, expected -90 to 90" in refusal(tmp_path, steep)
    nowhere = projected(dataset()).drop_vars("lat")
    assert "no latitude and longitude on the axes y, x" in refusal(tmp_path, nowhere)
