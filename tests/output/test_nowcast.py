import json
import re
import tracemalloc
from pathlib import Path

import netCDF4
import numpy as np
import pyproj
import pytest
import xarray

from mindcast.files import check_space
from mindcast.mapgrid import MapGrid
from mindcast.output import nowcast
from mindcast.refusal import Refusal
from mindcast.visualization.colours import VALUE_SCALES
from tests.output.nowcasts import (
    AUSTRALIAN,
    DUTCH,
    NAMELESS,
    REFERENCE,
    SHAPE,
    SWISS,
    THRESHOLDS,
    TIMES,
    fill,
    grid,
    members,
    opened,
    write,
)

DOCS = Path(__file__).parents[2] / "docs" / "output.md"


def read(path):
    with xarray.open_dataset(path, decode_coords="all") as dataset:
        return dataset.load()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("nowcast") / "a.nc", order=(2, 0, 1))


def test_members_are_read_back_bit_for_bit_in_whatever_order_they_came(written):
    reflectivity = read(written)["reflectivity"]
    assert reflectivity.dims == ("realization", "time", "y", "x")
    np.testing.assert_array_equal(reflectivity, members())
    np.testing.assert_array_equal(reflectivity["realization"], [0, 1, 2])
    assert [path.name for path in written.parent.iterdir()] == ["a.nc"]


def test_the_mean_is_missing_where_a_member_is(written):
    mean = read(written)["reflectivity_mean"]
    expected = members().mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    assert int(mean[0].isnull().sum()) == 2  # the pixel without data, and that of member 1
    assert mean.attrs["cell_methods"] == "realization: mean"


def test_probabilities_are_shares_of_the_members_at_or_above_each_threshold(tmp_path):
    frames = np.zeros((4, len(TIMES), *SHAPE), np.float32)
    frames[:3, 0, 2, 3] = 20  # reached by three of four
    frames[0, 0, 2, 3] = 35
    frames[:, 1, 0, 0] = np.nan
    data = read(write(tmp_path / "a.nc", frames))
    probability = data["probability_of_exceedance"]
    assert probability.dims == ("threshold", "time", "y", "x")
    np.testing.assert_array_equal(probability["threshold"], THRESHOLDS)
    assert probability["threshold"].attrs["units"] == "dBZ"
    np.testing.assert_array_equal(probability[:, 0, 2, 3], [0.75, 0.25])
    np.testing.assert_array_equal(probability[:, 1, 0, 0], [np.nan, np.nan])
    assert float(probability.sum()) == 1.0  # nothing else is reached


def test_counts_of_many_members_do_not_overflow(tmp_path):
    frames = np.full((300, 1, 2, 2), 30, np.float32)
    path = write(tmp_path / "a.nc", frames, shape=(2, 2), grid=None, times=TIMES[:1])
    assert (read(path)["probability_of_exceedance"][0] == 1).all()


def test_times_are_valid_times_with_lead_time_and_start(written):
    data = read(written)["reflectivity"]
    np.testing.assert_array_equal(data["time"], TIMES)
    np.testing.assert_array_equal(data["forecast_period"], [5, 10, 15, 20])
    assert data["forecast_period"].attrs["units"] == "minutes"
    assert data["forecast_reference_time"].values == REFERENCE
    for name in ("time", "forecast_period", "forecast_reference_time"):
        assert data[name].attrs["standard_name"] == name
    with netCDF4.Dataset(written) as file:
        time = file["time"]
        seconds = netCDF4.num2date(time[:], time.units, time.calendar)
    assert [str(moment) for moment in seconds][:2] == ["2016-07-11 18:05:00", "2016-07-11 18:10:00"]


@pytest.mark.parametrize("projection", [SWISS, DUTCH, AUSTRALIAN, NAMELESS, "EPSG:3035"])
def test_the_grid_mapping_gives_the_projection_back(tmp_path, projection):
    data = read(write(tmp_path / "a.nc", grid=grid(projection, 10_000.0, 20_000.0)))
    mapping = data[data["reflectivity"].encoding["grid_mapping"]].attrs
    assert pyproj.CRS.from_cf(mapping) == pyproj.CRS(projection)
    for axis in ("x", "y"):
        assert data[axis].attrs["standard_name"] == f"projection_{axis}_coordinate"
        assert data[axis].attrs["units"] == "metre"


@pytest.mark.parametrize(
    ("projection", "name"),
    [
        (DUTCH, "polar_stereographic"),
        ("EPSG:3031", "polar_stereographic"),
        (AUSTRALIAN, "albers_conical_equal_area"),
        ("EPSG:3035", "lambert_azimuthal_equal_area"),
        # CF lacks the rectified angle of this oblique Mercator and the scale of this cone: what
        # its parameters can say is 33 and 0.2 degrees off, and where both stand they count
        (SWISS, None),
        ("+proj=lcc +lat_1=46.8 +lat_0=46.8 +lon_0=0 +k_0=0.99 +ellps=clrk80ign", None),
        (NAMELESS, None),
    ],
)
def test_parameters_of_cf_stand_where_they_alone_put_the_pixels_right(tmp_path, projection, name):
    at = grid(projection, 100_000.0, 200_000.0)
    mapping = dict(read(write(tmp_path / "a.nc", grid=at)).crs.attrs)
    assert mapping.pop("crs_wkt")
    assert mapping.get("grid_mapping_name") == name
    if name:
        found = MapGrid(at.x, at.y, pyproj.CRS.from_cf(mapping).to_wkt()).degrees()
        np.testing.assert_allclose(found, at.degrees(), atol=1e-6)
    else:
        assert not mapping


@pytest.mark.parametrize(("projection", "pole"), [(DUTCH, 90), ("EPSG:3031", -90)])
def test_a_polar_projection_names_its_pole(tmp_path, projection, pole):
    mapping = read(write(tmp_path / "a.nc", grid=grid(projection))).crs.attrs
    assert mapping["latitude_of_projection_origin"] == pole


def test_latitude_and_longitude_are_those_of_the_map(written):
    data = read(written)["reflectivity"]
    # the origin of the old Swiss grid, (600, 200) km, is the old observatory of Berne
    assert float(data["latitude"][0, 0]) == pytest.approx(46.951, abs=1e-3)
    assert float(data["longitude"][0, 0]) == pytest.approx(7.4386, abs=1e-3)
    assert data["latitude"].dims == ("y", "x")
    assert (data["latitude"].diff("y") < 0).all()
    assert (data["longitude"].diff("x") > 0).all()


def test_without_a_grid_nothing_is_claimed(tmp_path):
    data = read(write(tmp_path / "a.nc", grid=None))
    assert not {"latitude", "longitude", "crs"} & set(data.variables)
    np.testing.assert_array_equal(data["y"], np.arange(SHAPE[0]))
    for axis in ("x", "y"):
        assert not {"standard_name", "axis"} & set(data[axis].attrs)
    assert "grid_mapping" not in data["reflectivity"].encoding
    np.testing.assert_array_equal(data["reflectivity"], members())


@pytest.mark.parametrize(
    ("unit", "name", "standard_name", "units"),
    [
        ("dBZ", "reflectivity", "equivalent_reflectivity_factor", "dBZ"),
        ("mm/h", "precipitation_rate", "lwe_precipitation_rate", "mm h-1"),
        ("VIL", "vil_code", None, "1"),
    ],
)
def test_a_unit_has_its_name_in_cf_if_there_is_one(tmp_path, unit, name, standard_name, units):
    data = read(write(tmp_path / "a.nc", unit=unit))
    for variable in (data[name], data[f"{name}_mean"], data["threshold"]):
        assert variable.attrs.get("standard_name") == standard_name
        assert variable.attrs["units"] == units
        assert variable.attrs["long_name"]


def test_other_readers_mask_what_is_missing(written):
    with netCDF4.Dataset(written) as file:
        values = file["reflectivity"][0]
        assert file["reflectivity"].dtype == np.float32
        fill = file["reflectivity"].getncattr("_FillValue")
    np.testing.assert_array_equal(np.ma.getmaskarray(values), np.isnan(members()[0]))
    assert fill == netCDF4.default_fillvals["f4"]


def test_the_file_names_what_made_it(tmp_path):
    made_by = {"model": "a model", "checkpoints": {"fit": {"sha256": "ab12"}}, "sampler": "ddim"}
    data = read(write(tmp_path / "a.nc", provenance={**made_by, "notes": ["cropped to 6 x 8"]}))
    assert data.attrs["Conventions"] == "CF-1.11"
    assert data.attrs["source"] == "a model"
    made, note = data.attrs["history"].splitlines()
    assert made.endswith("made by model a model, checkpoints.fit.sha256 ab12, sampler ddim")
    assert note.endswith("Z cropped to 6 x 8")
    assert json.loads(data.attrs["provenance"])["checkpoints"] == made_by["checkpoints"]


def test_a_forecast_without_members_is_that_field_alone(tmp_path):
    frames = members(1)
    data = read(write(tmp_path / "a.nc", frames, members=None))
    assert list(data.data_vars) == ["reflectivity"]
    assert data["reflectivity"].dims == ("time", "y", "x")
    np.testing.assert_array_equal(data["reflectivity"], frames[0])


def test_the_documented_way_to_open_a_file_works(tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    frames = members()
    frames[:, 0, 5, 7] = 50
    write(tmp_path / "forecast.nc", frames)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    said = capsys.readouterr().out
    assert "dBZ 2016-07-11T18:05" in said
    assert "largest probability to reach 35 dBZ: 1.0" in said


def test_the_documentation_names_every_variable(written):
    text = DOCS.read_text(encoding="utf-8")
    names = {name.removesuffix("_mean") for name in read(written).variables}
    assert {f"`{name}`" for name in names} - set(re.findall("`[a-z_]+`", text)) == {"`realization`"}


def test_without_thresholds_there_are_no_probabilities(tmp_path):
    data = read(write(tmp_path / "a.nc", thresholds=()))
    assert list(data.data_vars) == ["reflectivity", "reflectivity_mean"]
    assert "threshold" not in data.dims


def test_fields_are_compressed_frame_by_frame(tmp_path):
    side = nowcast.BLOCK + 3
    frames = np.zeros((2, 1, side, 5), np.float32)
    path = write(tmp_path / "a.nc", frames, shape=(side, 5), grid=None, times=TIMES[:1])
    with netCDF4.Dataset(path) as file:
        assert file["reflectivity"].chunking() == [1, 1, nowcast.BLOCK, 5]
        assert file["reflectivity"].filters()["zlib"]
    assert path.stat().st_size < frames.nbytes


def test_memory_does_not_grow_with_the_members(tmp_path):
    frame = np.zeros((len(TIMES), 64, 64), np.float32)
    peaks = []
    for count in (4, 24):
        path = tmp_path / f"{count}.nc"
        tracemalloc.start()
        file = opened(path, members=count, grid=None, shape=(64, 64))
        fill(file, ((member, frame) for member in range(count)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2 * frame.nbytes


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("precious")
    with pytest.raises(Refusal, match=r"a\.nc: exists and is kept; move it away or choose"):
        write(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Refusal("no"), ValueError("no")])
def test_a_forecast_that_is_broken_off_leaves_no_file(tmp_path, error):
    def broken_off():
        yield members()[0]
        raise error

    with pytest.raises(type(error)):
        fill(opened(tmp_path / "a.nc"), enumerate(broken_off()))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_named_before_the_forecast(tmp_path, monkeypatch):
    needed = []
    monkeypatch.setattr(nowcast, "check_space", lambda path, most: needed.append(most))
    path = write(tmp_path / "a.nc")
    # 3 members, the mean and 2 thresholds of 4 frames of 6 x 8 float32 at least
    assert max(6 * 4 * 6 * 8 * 4, path.stat().st_size) < needed[0] < 2 << 20
    monkeypatch.setattr(nowcast, "check_space", check_space)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("usage", (), {"free": 1000}))
    with pytest.raises(Refusal, match=r"b\.nc: cannot be written \(0 MiB free"):
        write(tmp_path / "b.nc")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.nc: cannot be written"):
        write(tmp_path / "taken" / "a.nc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "kg"}, "unit: got 'kg', expected one of dBZ, mm/h, VIL"),
        ({"shape": (6, 9)}, r"grid: got \(6, 8\), expected \(6, 9\)"),
        ({"members": 0}, "members: got 0, expected 1 or more"),
        ({"times": TIMES.astype("M8[ms]") + np.timedelta64(1, "ms")}, "expected whole seconds"),
        ({"grid": grid(f"{NAMELESS} +units=km")}, "got axes in kilometre, .* expected metres"),
    ],
)
def test_what_does_not_fit_together_is_named_and_no_file_is_begun(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "a.nc", **changes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        (0, lambda a: a[:2], r"got float32 \(2, 6, 8\), expected float32 \(4, 6, 8\)"),
        (0, lambda a: a.astype(np.float64), "got float64"),
        (1, lambda a: a, "member 1 is there already"),
        (3, lambda a: a, "member 3 is there already, or not expected"),
    ],
)
def test_a_member_that_does_not_fit_is_named(tmp_path, member, change, message):
    frames = members()
    with pytest.raises(ValueError, match=message):
        fill(opened(tmp_path / "a.nc"), [(1, frames[1]), (member, change(frames[0]))])


def test_a_lacking_member_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"members \[0, 2\] are lacking"):
        write(tmp_path / "a.nc", order=(1,))
    assert list(tmp_path.iterdir()) == []


def test_every_unit_that_is_drawn_has_its_name_in_files():
    assert nowcast.QUANTITIES.keys() == VALUE_SCALES.keys()
