"""The composites beside this repository, by what their README says of them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from mindcast.data.incoming.frames import Needed
from mindcast.data.incoming.read import find_places, open_incoming, read_frames
from tests.data.incoming.files import settings

DATA = Path(__file__).parents[4] / "shared/data"
RADAR = DATA / "radar"
DBZ = Needed(5, 5, (128, 128), 90, "dBZ", 2.0)
VIL = Needed(7, 10, (128, 128), 255, "VIL", 2.0)

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the radar composites are not here")


@pytest.mark.parametrize(
    ("folder", "needed", "first", "last"),
    [
        ("KNMI", DBZ, "2010-08-26T07:15:00", "2010-08-26T07:35:00"),
        ("KNMI", VIL, "2010-08-26T06:35:00", "2010-08-26T07:35:00"),
        ("mch/20150515", DBZ, "2015-05-15T18:40:00", "2015-05-15T19:00:00"),
        ("mch/20160711", DBZ, "2016-07-11T23:40:00", "2016-07-12T00:00:00"),
        ("mch/20170131", DBZ, "2017-01-31T12:40:00", "2017-01-31T13:00:00"),
        ("bom/**/66_20201031_2*", VIL, "2020-10-31T22:50:00", "2020-10-31T23:50:00"),
    ],
)
def test_every_archive_becomes_the_input_of_a_model(folder, needed, first, last):
    made = open_incoming([str(RADAR / folder)], None, needed, settings())
    assert made.context.shape == (needed.frames, 128, 128, 1)
    assert made.context.min() >= 0
    assert 0 < made.context.max() <= 1
    assert [str(made.times[0]), str(made.times[-1])] == [first, last]
    assert made.grid.pixel_m == pytest.approx((2000, 2000))


def frame(path):
    reader, places = find_places([str(path)], settings(), 5)
    return read_frames(reader, places, settings())


def test_knmi_values_and_place_are_those_of_the_file():
    path = RADAR / "KNMI/2010/08/RAD_NL25_RAP_5min_201008260300.h5"
    found = frame(path)
    with h5py.File(path) as file:
        codes = file["image1/image_data"][()]
        corners = file["geographic"].attrs["geo_product_corners"]
    expected = np.where(codes == 65535, np.nan, codes * 0.01 * 12)
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-5)
    assert np.isfinite(found.values).mean() == pytest.approx(0.26, abs=0.005)
    # lower left, upper left, upper right, lower right: corners of the image, half a pixel out
    latitude, longitude = found.grid.degrees()
    rows, columns = [-1, 0, 0, -1], [0, 0, -1, -1]
    np.testing.assert_allclose(longitude[rows, columns], corners[0::2], atol=0.02)
    np.testing.assert_allclose(latitude[rows, columns], corners[1::2], atol=0.01)


def test_bom_values_and_place_are_those_of_the_file():
    import netCDF4

    path = RADAR / "bom/prcp-c10/66/2020/10/31/66_20201031_040000.prcp-c10.nc"
    found = frame(path)
    with netCDF4.Dataset(path) as file:
        amount = file["precipitation"][...].filled(np.nan)
    # mm in 10 minutes
    np.testing.assert_allclose(found.values[0], amount * 6, rtol=1e-5)
    # the radar stands at the centre, where the projection has its origin
    latitude, longitude = found.grid.degrees()
    assert latitude[255:257, 255:257].mean() == pytest.approx(-27.7178, abs=1e-4)
    assert longitude[255:257, 255:257].mean() == pytest.approx(153.24, abs=1e-4)


def test_bom_values_are_those_of_pysteps():
    from mindcast.data.incoming.importers import imported

    path = RADAR / "bom/prcp-c10/66/2020/10/31/66_20201031_040000.prcp-c10.nc"
    theirs, metadata = imported("bom_rf3", path)
    np.testing.assert_allclose(frame(path).values[0], theirs * 6, rtol=1e-5)
    assert metadata["unit"] == "mm"


def test_mch_has_the_largest_rain_and_the_missing_share_of_the_readme():
    reader, places = find_places([str(RADAR / "mch/20160711")], settings(), 5)
    found = read_frames(reader, places[::8], settings())
    assert 0.28 <= np.isnan(found.values).mean() <= 0.34
    assert np.nanmax(found.values) <= 115.6


def test_a_sequence_of_the_data_set_is_the_tile_of_the_composites():
    """`origin_row_col_2km` of the sequence, and the frames up to a time, give the same input."""
    path = DATA / "diffcast_h5_like/shanghai_like.h5"
    with h5py.File(path) as file:
        one = file["test/3"]
        codes, first = one[:5], one.attrs["first_frame_utc"]
        origin = tuple(int(k) for k in one.attrs["origin_row_col_2km"])
    at = np.datetime64(first) + np.timedelta64(20, "m")
    made = open_incoming([str(RADAR / "mch/20160711")], at, DBZ, settings(origin=origin))
    # grey codes are rounded
    np.testing.assert_allclose(made.context[..., 0] * 255, codes, atol=0.5001)
    how = settings(layout="shanghai", sequence="test/3", interval_minutes=5)
    read = open_incoming([str(path)], at, DBZ, how)
    np.testing.assert_array_equal(np.rint(read.context[..., 0] * 255), codes)


def test_a_sevir_event_is_the_tile_of_the_composites():
    path = DATA / "sevir_lr_like"
    made = open_incoming([str(path / "data/vil/2020")], None, VIL, settings(event=_last_id(path)))
    at = made.times[-1]
    own = open_incoming([str(RADAR / "bom/**/66_20201031_1[01]*")], at, VIL, settings())
    known = ~own.missing
    assert known.mean() > 0.999
    np.testing.assert_array_equal(own.context[..., 0][known], made.context[..., 0][known])


def _last_id(path):
    lines = (path / "CATALOG.csv").read_text().splitlines()
    return lines[-1].split(",")[0]


@pytest.mark.parametrize(
    ("files", "importer", "options"),
    [
        ("KNMI/2010/08", "knmi_hdf5", {"qty": "ACRR"}),
        ("mch/20150515", "mch_gif", {"product": "AQC", "unit": "mm", "accutime": 5}),
    ],
)
def test_amounts_and_place_are_those_of_pysteps(files, importer, options):
    from mindcast.data.incoming.importers import imported, placed

    path = sorted((RADAR / files).iterdir())[20]
    theirs, metadata = imported(importer, path, **options)
    theirs, grid = placed(path, theirs, metadata)
    found = frame(path)
    # mm in 5 minutes
    np.testing.assert_allclose(found.values[0], theirs * 12, rtol=1e-6)
    np.testing.assert_allclose(found.grid.degrees(), grid.degrees(), rtol=0, atol=1e-6)
