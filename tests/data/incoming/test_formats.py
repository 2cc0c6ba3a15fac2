import h5py
import numpy as np
import pytest

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.formats import FORMATS, format_of
from mindcast.data.incoming.frames import NO_ECHO_DBZ
from mindcast.data.incoming.read import find_places, read_frames
from mindcast.refusal import Refusal
from tests.data.incoming import files
from tests.data.incoming.files import codes, series, settings

TIMES = np.datetime64("2020-07-01T12:00:00") + np.arange(4) * np.timedelta64(300, "s")


def frames_of(inputs, how=None):
    how = how or InputSettings()
    reader, places = find_places(inputs, how, 5)
    return read_frames(reader, places, how)


def expect_times(frames):
    assert frames.times.dtype == np.dtype("datetime64[s]")
    assert (frames.times == TIMES[: len(frames.times)]).all()
    assert frames.values.dtype == np.float32


def test_knmi_hundredths_of_mm_in_5_minutes_become_mm_per_hour(tmp_path):
    pixels = codes()
    pixels[2, 3] = 65535
    frames = frames_of(series(tmp_path, files.write_knmi, pixels=pixels))
    expect_times(frames)
    # 0.01 mm in 5 minutes are 0.12 mm/h
    expected = np.where(pixels == 65535, np.nan, pixels * 0.12)
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-6)
    assert frames.unit == "mm/h"


def test_knmi_lies_where_its_rows_and_columns_are_counted_from(tmp_path):
    grid = frames_of(series(tmp_path, files.write_knmi, 1)).grid
    # pixels of 1 km from the pole's meridian on, 3650 km south of the pole; centres are half a
    # pixel in
    assert grid.x[0] == pytest.approx(500)
    assert grid.y[0] == pytest.approx(-3_650_500)
    assert grid.pixel_m == pytest.approx((1000, 1000))
    latitude, longitude = grid.degrees()
    # the corner that KNMI gives for this grid is 0 E, 55.974 N
    assert latitude[0, 0] == pytest.approx(55.974, abs=0.01)
    assert longitude[0, 0] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("missing", [255, 200])
def test_knmi_reflectivity_has_the_slope_and_missing_code_of_the_file(tmp_path, missing):
    pixels = codes()
    pixels[1, 1] = missing
    options = {"pixels": pixels, "formula": "GEO=0.25*PV+-20.0", "missing": missing}
    frames = frames_of(series(tmp_path, files.write_knmi, 1, **options))
    assert frames.unit == "dBZ"
    expected = np.where(pixels == missing, np.nan, pixels * 0.25 - 20)
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-6)


def test_knmi_amounts_of_an_hour_are_divided_by_an_hour(tmp_path):
    frames = frames_of(series(tmp_path, files.write_knmi, 1, minutes=60))
    np.testing.assert_allclose(frames.values[0], codes() * 0.01, rtol=1e-6)


def test_odim_reflectivity_knows_no_echo_from_no_data(tmp_path):
    pixels = codes()
    pixels[3, 3] = 255
    frames = frames_of(series(tmp_path, files.write_odim, pixels=pixels))
    expect_times(frames)
    assert frames.unit == "dBZ"
    expected = np.where(pixels == 0, NO_ECHO_DBZ, pixels * 0.5 - 32)
    expected[3, 3] = np.nan
    np.testing.assert_allclose(frames.values[0], expected)
    assert frames.grid.pixel_m == pytest.approx((2000, 2000))
    assert frames.grid.x[0] == pytest.approx(1000, abs=0.1)
    assert frames.grid.y[-1] == pytest.approx(1000, abs=0.1)


def test_odim_amounts_become_rates_and_no_echo_is_no_rain_whatever_the_offset(tmp_path):
    options = {"quantity": "ACRR", "gain": 0.1, "offset": -0.1}
    frames = frames_of(series(tmp_path, files.write_odim, 2, **options))
    # 5 minutes: 12 times the amount; code 0 is "undetect"
    expected = np.where(codes() == 0, 0, (codes() * 0.1 - 0.1) * 12)
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-6)
    assert frames.unit == "mm/h"


def test_odim_is_read_as_pysteps_reads_it_where_that_is_right(tmp_path):
    from mindcast.data.incoming.importers import imported

    series(tmp_path, files.write_odim, 1, pixels=codes() + 70)
    (path,) = tmp_path.iterdir()
    theirs, metadata = imported("odim_hdf5", path, qty="DBZH")
    ours = frames_of([str(path)])
    np.testing.assert_allclose(ours.values[0], theirs)
    assert ours.grid.x[0] == pytest.approx(metadata["x1"] + 1000, abs=0.01)


def test_mch_indices_are_decoded_by_the_published_table(tmp_path):
    pixels = np.full((640, 710), 71)
    pixels[0, :5] = 0, 1, 151, 253, 255
    frames = frames_of(series(tmp_path, files.write_mch, 2, pixels=pixels))
    expect_times(frames)
    # README: mm in 5 minutes = (10^((i - 71.5) / 20) / 316)^(1 / 1.5); index 151 is 115.5 mm/h
    np.testing.assert_allclose(frames.values[0, 0, :3], [0, 0, 115.5], atol=0.05)
    assert frames.values[0, 0, 3] == 0
    assert np.isnan(frames.values[0, 0, 4])
    assert frames.values[0, 5, 5] == pytest.approx(
        12 * (10 ** ((71 - 71.5) / 20) / 316) ** (1 / 1.5), rel=1e-6
    )
    assert frames.grid.x[0] == 255_500
    assert frames.grid.y[0] == 479_500
    assert any("CCS4" in note for note in frames.notes)


@pytest.mark.parametrize(("comment", "name"), [(True, False), (False, True)])
def test_mch_says_its_time_in_its_comment_or_else_in_its_name(tmp_path, comment, name):
    frames = frames_of(series(tmp_path, files.write_mch, 2, comment=comment, name=name))
    expect_times(frames)


def test_mch_rate_of_product_rzc_is_looked_up_by_colour(tmp_path):
    from pathlib import Path

    import pysteps
    from PIL import Image

    table = np.genfromtxt(
        Path(pysteps.__file__).parent / "io/mch_lut_8bit_Metranet_v103.txt", skip_header=1
    )
    wet = next(row for row in table if 1 < row[-1] < 2)
    picture = Image.fromarray(np.zeros((640, 710), np.uint8), "P")
    picture.putpalette([int(c) for c in wet[1:4]] * 256)
    picture.save(tmp_path / "RZC201831200VL.801.gif", comment=b"generated by Meteoswiss")
    frames = frames_of([str(tmp_path)])
    assert frames.unit == "mm/h"
    assert frames.values[0, 0, 0] == pytest.approx(wet[-1], rel=1e-6)


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


@pytest.mark.parametrize("packed", [False, True])
def test_radolan_words_are_amounts_with_flags_from_the_south_on(tmp_path, packed):
    pixels = np.zeros((900, 900), np.uint16)
    # south-western pixel 25 hundredths of mm; nothing measured; clutter; measured otherwise
    pixels[0, :4] = 25, 0x2000 | 2500, 0x8000 | 7, 0x1000 | 10
    frames = frames_of(series(tmp_path, files.write_radolan, 2, pixels=pixels, packed=packed))
    expect_times(frames)
    np.testing.assert_allclose(frames.values[0, -1, :5], [3, np.nan, np.nan, 1.2, 0], rtol=1e-6)
    latitude, longitude = frames.grid.degrees()
    # centre of the pixel at the corner 3.6044 E, 46.9536 N
    assert latitude[-1, 0] == pytest.approx(46.9536, abs=0.01)
    assert longitude[-1, 0] == pytest.approx(3.6044, abs=0.02)


def test_radolan_bytes_are_half_dbz(tmp_path):
    pixels = np.zeros((900, 900))
    pixels[-1, :4] = 0, 105, 249, 250
    frames = frames_of(series(tmp_path, files.write_radolan, 1, product="RX", pixels=pixels))
    np.testing.assert_allclose(frames.values[0, 0, :4], [NO_ECHO_DBZ, 20, np.nan, np.nan])
    assert frames.unit == "dBZ"


def test_radolan_words_are_read_as_pysteps_reads_them_but_for_the_order_of_rows(tmp_path):
    from mindcast.data.incoming.importers import imported

    pixels = np.random.default_rng(0).integers(0, 500, (900, 900)).astype(np.uint16)
    series(tmp_path, files.write_radolan, 1, pixels=pixels)
    (path,) = tmp_path.iterdir()
    theirs, _ = imported("dwd_radolan", path, product_name="RY")
    ours = frames_of([str(path)])
    # they take 0.01 mm off, and give mm of 5 minutes
    np.testing.assert_allclose(ours.values[0][::-1] / 12, theirs + 0.01, atol=1e-5)


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


def test_crri_rates_of_satellites_are_read_with_their_time_and_place(tmp_path):
    frames = frames_of(series(tmp_path, files.write_crri, 2))
    expect_times(frames)
    expected = codes() * 0.1
    expected[0, 0] = np.nan
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-6)
    assert frames.unit == "mm/h"
    np.testing.assert_allclose(frames.grid.y[[0, -1]], [16500, 1500])


@pytest.mark.parametrize("packed", [False, True])
def test_fmi_pgm_is_half_dbz_above_minus_32(tmp_path, packed):
    pixels = codes() + 64
    pixels[2, 2] = 255
    frames = frames_of(series(tmp_path, files.write_pgm, 2, pixels=pixels, packed=packed))
    expect_times(frames)
    expected = codes() / 2.0
    expected[2, 2] = np.nan
    np.testing.assert_allclose(frames.values[0], expected)
    assert frames.unit == "dBZ"


def test_arrays_have_the_unit_and_mapping_of_the_settings(tmp_path):
    values = codes().astype(np.float32)
    values[0, 0], values[1, 0] = np.nan, 99
    how = settings(unit="dBZ", physical_per_code=0.5, offset=-2, missing_code=99)
    frames = frames_of(series(tmp_path, files.write_npy, 3, values=values), how)
    expect_times(frames)
    expected = np.where((values == 99) | np.isnan(values), np.nan, values * 0.5 - 2)
    np.testing.assert_allclose(frames.values[0], expected)


def test_one_array_of_frames_has_times_by_its_last(tmp_path):
    np.save(tmp_path / "frames.npy", np.stack([codes() + k for k in range(4)]))
    how = settings(unit="dBZ", last_time="2020-07-01 12:15", interval_minutes=5)
    frames = frames_of([str(tmp_path / "frames.npy")], how)
    expect_times(frames)
    np.testing.assert_array_equal(frames.values[3], codes() + 3)


def test_files_without_times_are_in_order_of_their_numbers(tmp_path):
    for k in (2, 10, 9, 1):
        np.save(tmp_path / f"frame{k}.npy", codes() + k)
    how = settings(unit="dBZ", last_time="2020-07-01 12:15", interval_minutes=5)
    frames = frames_of([str(tmp_path)], how)
    expect_times(frames)
    np.testing.assert_array_equal(frames.values[:, 0, 0], [1, 2, 9, 10])


def test_an_npz_may_hold_its_times_and_unit(tmp_path):
    stack = np.stack([codes() + k for k in range(4)])
    np.savez(tmp_path / "a.npz", rain=stack, times=TIMES, unit="mm/h")
    frames = frames_of([str(tmp_path / "a.npz")])
    expect_times(frames)
    assert frames.unit == "mm/h"
    assert (frames.values[2] == codes() + 2).all()


def test_pictures_have_the_mapping_of_the_settings(tmp_path):
    how = settings(unit="mm", accumulation_minutes=5, physical_per_code=0.01)
    frames = frames_of(series(tmp_path, files.write_png, 3), how)
    expect_times(frames)
    np.testing.assert_allclose(frames.values[0], codes() * 0.12, rtol=1e-6)


def test_a_sevir_event_is_chosen_by_its_id(tmp_path):
    how = settings(event="S1", last_time="2020-07-01 16:00")
    frames = frames_of(files.write_sevir(tmp_path / "vil.h5"), how)
    # 25 frames of 4 hours: 10 minutes apart
    assert frames.times[0] == TIMES[0]
    assert frames.times[1] - frames.times[0] == np.timedelta64(600)
    assert frames.unit == "VIL"
    assert (frames.values[3] == 103).all()


def test_a_sevir_event_has_the_times_of_a_catalogue_above_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "CATALOG.csv").write_text(
        "id,file_name,file_index,img_type,time_utc,pct_missing\n"
        "S1,vil.h5,1,vil,2020-07-01 14:00:00,0.1\n"
    )
    frames = frames_of(files.write_sevir(tmp_path / "data" / "vil.h5"), settings(event="S1"))
    assert frames.times[0] == TIMES[0]  # the centre is 2 hours later


def test_a_sequence_is_read_as_training_reads_it(tmp_path):
    how = settings(layout="shanghai", sequence="test/1", interval_minutes=5)
    frames = frames_of(files.write_sequences(tmp_path / "a.h5"), how)
    assert (frames.times[:4] == TIMES).all()
    # grey code 110 of 255 at a scale of 90 dBZ
    assert frames.values[0, 0, 0] == pytest.approx(110 / 255 * 90, rel=1e-6)
    assert frames.unit == "dBZ"
    assert frames.is_prepared


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("knmi", files.write_knmi),
        ("odim", files.write_odim),
        ("netcdf", files.write_netcdf),
        ("mch_gif", files.write_mch),
        ("fmi_pgm", files.write_pgm),
        ("radolan", files.write_radolan),
        ("saf_crri", files.write_crri),
        ("npy", files.write_npy),
        ("picture", files.write_png),
    ],
)
def test_a_format_is_told_by_what_a_file_holds_and_not_by_its_name(tmp_path, name, write):
    series(tmp_path, write, 1)
    (path,) = tmp_path.iterdir()
    assert format_of(path.rename(tmp_path / "renamed.dat")) == name


def test_the_settings_name_every_format():
    from typing import get_args

    from mindcast.config.incoming import Format, Layout
    from mindcast.data.radar.sequences.layouts import LAYOUTS

    assert set(get_args(Format)) == {"auto", *FORMATS}
    assert set(get_args(Layout)) == set(LAYOUTS)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_file_that_was_cut_short_is_named_even_within_a_folder(tmp_path, place):
    path = tmp_path / "newest.h5"
    with h5py.File(path, "w") as file:
        file["image1/image_data"] = np.zeros((64, 64), np.uint16)
    path.write_bytes(path.read_bytes()[:3000])
    given = path if place == "file" else tmp_path
    with pytest.raises(Refusal, match=r"newest.h5: is an HDF5 file that cannot be opened \("):
        find_places([str(given)], InputSettings(), 5)
