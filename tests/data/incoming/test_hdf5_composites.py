import numpy as np
import pytest

from mindcast.data.incoming.frames import NO_ECHO_DBZ
from tests.data.incoming import files
from tests.data.incoming.files import codes, series
from tests.data.incoming.reading import expect_times, frames_of


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
