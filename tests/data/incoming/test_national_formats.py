import numpy as np
import pytest

from mindcast.data.incoming.frames import NO_ECHO_DBZ
from tests.data.incoming import files
from tests.data.incoming.files import codes, series
from tests.data.incoming.reading import expect_times, frames_of


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
