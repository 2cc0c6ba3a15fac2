import gzip
from dataclasses import replace

import h5py
import numpy as np
import pytest

from mindcast.data.incoming.read import open_incoming
from mindcast.refusal import Refusal
from tests.data.incoming import files
from tests.data.incoming.files import DBZ, codes, series, settings


def refused(inputs, needed=DBZ, **given):
    with pytest.raises(Refusal) as refusal:
        open_incoming(inputs, None, needed, settings(**given))
    text = str(refusal.value)
    assert "\n" not in text
    assert len(text) < 900
    return text


def test_an_unknown_file_is_refused_with_the_formats_that_can_be_read(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    text = refused([str(tmp_path / "a.txt")])
    assert "a.txt: is text" in text
    assert "knmi: KNMI HDF5" in text
    assert "odim" in text


def test_a_folder_without_radar_files_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("hello")
    assert "holds no radar file, but README.md is text" in refused([str(tmp_path)])


def test_other_files_of_a_folder_do_not_matter(tmp_path):
    inputs = series(tmp_path, files.write_odim)
    (tmp_path / "README.md").write_text("hello")
    assert open_incoming(inputs, None, DBZ, settings()).context.shape == (3, 6, 8, 1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["nowhere"], "--input nowhere: no such file"),
        (["*.nowhere"], "no file has such a name"),
        ([" "], "is empty"),
    ],
)
def test_an_input_that_is_not_there_is_refused(tmp_path, monkeypatch, inputs, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(inputs)


def test_an_empty_folder_is_refused(tmp_path):
    assert "holds no file" in refused([str(tmp_path)])


def test_files_of_several_formats_are_refused(tmp_path):
    series(tmp_path, files.write_odim)
    text = refused(series(tmp_path, files.write_knmi))
    assert "several formats" in text
    assert "(odim)" in text
    assert "(knmi)" in text


def test_frames_of_another_size_are_refused(tmp_path):
    inputs = series(tmp_path, files.write_odim, 3)
    files.write_odim(tmp_path, files.START + 3 * files.STEP, pixels=codes(8, 8))
    assert "has frames of 8 x 8" in refused(inputs) or "6 x 8" in refused(inputs)


def test_a_truncated_file_is_refused(tmp_path):
    series(tmp_path, files.write_knmi, 1)
    path = sorted(tmp_path.iterdir())[-1]
    path.write_bytes(path.read_bytes()[:3000])
    assert path.name in refused([str(path)], format="knmi")


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("calibration_formulas", b"GEO=PV", "calibration_formulas = 'GEO=PV'"),
        ("product_datetime_end", b"yesterday", "product_datetime_end = 'yesterday'"),
        ("image_geo_parameter", b"WIND", "image_geo_parameter = 'WIND'"),
    ],
)
def test_knmi_files_that_say_something_else_are_refused(tmp_path, attribute, value, message):
    inputs = series(tmp_path, files.write_knmi)
    group = {"c": "image1/calibration", "p": "overview", "i": "image1"}[attribute[0]]
    for path in tmp_path.iterdir():
        with h5py.File(path, "a") as file:
            file[group].attrs[attribute] = np.bytes_(value)
    assert message in refused(inputs)


def test_an_amount_of_no_time_is_refused(tmp_path):
    assert "does not state of how many minutes" in refused(
        series(tmp_path, files.write_knmi, minutes=0)
    )


def test_an_amount_of_another_time_than_the_settings_say_is_refused(tmp_path):
    text = refused(series(tmp_path, files.write_knmi), accumulation_minutes=10)
    assert "5 minutes, expected input.accumulation_minutes = 10" in text


def test_polar_volumes_are_refused(tmp_path):
    assert "what/object = 'PVOL'" in refused(series(tmp_path, files.write_odim, kind="PVOL"))


def test_an_odim_quantity_that_is_no_rain_is_refused(tmp_path):
    assert "found dataset1/data1 (VRAD)" in refused(
        series(tmp_path, files.write_odim, quantity="VRAD")
    )


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({"unit": None}, {}, "rainfall_rate states no unit"),
        ({"unit": "K"}, {}, "rainfall_rate is in 'K', expected dBZ"),
        ({"unit": "mm"}, {}, "does not state of how many minutes"),
        ({"unit": "mm/h"}, {"unit": "dBZ"}, "states the unit 'mm/h', but input.unit = dBZ"),
        ({"name": "wind"}, {}, "no variable of rain or reflectivity"),
        ({}, {"variable": "snow"}, "no variable input.variable = 'snow'"),
    ],
)
def test_cf_files_that_do_not_say_what_they_hold_are_refused(tmp_path, options, given, message):
    assert message in refused(series(tmp_path, files.write_netcdf, **options), **given)


def test_a_unit_that_a_cf_file_lacks_can_be_given(tmp_path):
    inputs = series(tmp_path, files.write_netcdf, unit=None)
    assert open_incoming(inputs, None, DBZ, settings(unit="mm/h")).context.max() > 0


def test_pictures_and_arrays_without_a_mapping_or_unit_are_refused(tmp_path):
    text = refused(series(tmp_path / "a", files.write_png))
    assert "grey codes have no value by themselves; set input.physical_per_code" in text
    assert "set input.unit" in refused(series(tmp_path / "b", files.write_npy))


def test_frames_without_any_time_are_refused(tmp_path):
    np.save(tmp_path / "frames.npy", np.stack([codes() + k for k in range(4)]))
    assert "set input.last_time" in refused([str(tmp_path / "frames.npy")], unit="dBZ")


def test_a_shape_of_other_axes_is_refused(tmp_path):
    np.save(tmp_path / "frames.npy", np.zeros((40, 50, 4)))
    assert "set input.axes=hwt" in refused([str(tmp_path / "frames.npy")], unit="dBZ")


@pytest.mark.parametrize(
    ("content", "package"),
    [(b"II*\0" + b"\0" * 99, "gdal"), (b"GRIB" + b"\0" * 99, "pygrib")],
)
@pytest.mark.parametrize("packed", [False, True])
def test_formats_whose_package_is_absent_are_refused_with_its_name(
    tmp_path, content, package, packed
):
    pytest.importorskip("pysteps")
    from importlib.util import find_spec

    if find_spec({"gdal": "osgeo"}.get(package, package)):
        pytest.skip(f"{package} is here")
    if packed and package == "gdal":
        return  # FMI packs no GeoTIFF
    path = tmp_path / "PrecipRate_20200701-120000.dat"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert f"needs the package {package}" in refused([str(path)])


def test_several_events_and_sequences_are_asked_about(tmp_path):
    text = refused(files.write_sevir(tmp_path / "vil.h5"))
    assert "2 events (S0, S1), expected one; name it in input.event" in text
    sequences = files.write_sequences(tmp_path / "a.h5")
    assert "set input.layout" in refused(sequences)
    assert "2 sequences (test/0, test/1)" in refused(sequences, layout="shanghai")
    assert "'test/7': 0 sequences" in refused(sequences, layout="shanghai", sequence="test/7")


def test_a_sequence_without_a_time_is_refused(tmp_path):
    inputs = files.write_sequences(tmp_path / "a.h5", count=1, first="")
    assert "set input.last_time" in refused(inputs, layout="shanghai")


def test_mch_pictures_of_another_size_are_refused(tmp_path):
    inputs = series(tmp_path, files.write_mch, pixels=np.zeros((64, 71)))
    assert "has 64 x 71 pixels, expected 640 x 710" in refused(inputs)


def test_mch_pictures_without_product_and_time_are_refused(tmp_path):
    inputs = series(tmp_path, files.write_mch, name=False, comment=False)
    assert "holds no file of input.format = mch_gif" in refused(inputs, format="mch_gif")
    pattern = [str(tmp_path / "*.gif")]
    assert "neither its comment nor its name" in refused(pattern, format="mch_gif")


def test_a_truncated_radolan_file_is_refused(tmp_path):
    inputs = series(tmp_path, files.write_radolan)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    assert "bytes of data, expected 900 x 900 of 2" in refused(inputs)


@pytest.mark.parametrize(
    ("write", "given", "message"),
    [
        (files.write_odim, {"unit": "dBZ"}, "input.unit = dBZ: is of no use for ODIM HDF5"),
        (files.write_odim, {"event": "S1"}, "it is for sevir; leave it out"),
        (files.write_knmi, {"variable": "rain"}, "input.variable = rain: is of no use for KNMI"),
        (files.write_odim, {"accumulation_minutes": 5}, "holds dBZ, no amounts"),
        (files.write_netcdf, {"accumulation_minutes": 5}, "holds mm/h, no amounts"),
    ],
)
def test_no_setting_is_ignored(tmp_path, write, given, message):
    assert message in refused(series(tmp_path, write), **given)


def test_a_stated_format_picks_the_files_of_a_folder(tmp_path):
    series(tmp_path, files.write_png)
    (tmp_path / "README.md").write_text("hello")
    inputs = series(tmp_path, files.write_odim)
    assert "several formats" in refused(inputs)
    assert open_incoming(inputs, None, DBZ, settings(format="odim")).context.shape[0] == 3


@pytest.mark.parametrize("write", [files.write_pgm, files.write_radolan])
def test_damaged_files_in_gzip_are_refused(tmp_path, write):
    inputs = series(tmp_path, write, packed=True)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:40] + b"\xff" * 20 + content[60:])
    assert any(words in refused(inputs) for words in ("cannot be read", "holds no radar file"))


def test_a_sevir_file_that_states_another_unit_is_refused(tmp_path):
    inputs = files.write_sevir(tmp_path / "vil.h5")
    with h5py.File(tmp_path / "vil.h5", "a") as file:
        file["vil"].attrs["units"] = "kg m-2"
    text = refused(inputs, event="S1", last_time="2020-07-01 12:00", interval_minutes=5)
    assert "units = 'kg m-2', expected codes 0..255" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.expand_dims(member=3), "has the axes member"),
        (lambda data: data.drop_vars("time"), "does not say of when rainfall_rate is"),
        (lambda data: data.assign_coords(y=data.y**2), "are no even grid"),
        (
            lambda data: data.assign(reflectivity=data.rainfall_rate.assign_attrs(units="dBZ")),
            "several variables may be meant, rainfall_rate, reflectivity; name one",
        ),
    ],
)
def test_cf_files_that_leave_a_choice_are_refused(tmp_path, change, message):
    import xarray as xr

    series(tmp_path / "a", files.write_netcdf, 1)
    (path,) = (tmp_path / "a").iterdir()
    data = change(xr.load_dataset(path, engine="h5netcdf"))
    data.y.attrs["units"] = data.x.attrs["units"] = "km"
    data.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    assert message in refused([str(tmp_path / "b.nc")], replace(DBZ, frames=1))
