import numpy as np
import pyproj
import pytest

from mindcast.data.forecasts.onto import part_of
from mindcast.refusal import Refusal
from tests.data.forecasts.files import grid

NAMES = ("radar.h5", "forecast.nc")
X, Y = 2_600_000.0, 1_200_000.0


def found(observed, forecast):
    part = part_of(observed, observed.shape, forecast, forecast.shape, NAMES)
    return part.rows, part.columns, part.side


def test_a_forecast_of_a_part_of_the_area_is_found_there():
    inside = grid(10, x=X + 6000, y=Y - 8000)
    assert found(grid(), inside) == (slice(4, 14), slice(3, 13), 1)
    assert found(grid(), grid()) == (slice(0, 24), slice(0, 24), 1)


def test_larger_pixels_are_found_as_blocks():
    # 3 x 3 observed pixels of 2 km in each of 6 km, from the third row and first column on
    assert found(grid(), grid(5, 6000.0, y=Y - 4000)) == (slice(2, 17), slice(0, 15), 3)


def test_the_same_projection_in_other_words_is_the_same_place():
    words = pyproj.CRS(grid().projection).to_wkt("WKT1_GDAL")
    assert found(grid(projection=words), grid(10)) == (slice(0, 10), slice(0, 10), 1)


@pytest.mark.parametrize(
    ("forecast", "message"),
    [
        (grid(10, x=X + 700), "radar.h5: its pixels of 2 x 2 km are no whole parts of those of"),
        (grid(10, pixel=3000.0), r"no whole parts .* forecast.nc, 3 x 3 km, or lie askew"),
        (grid(10, pixel=1000.0), "no whole parts"),
        (grid(10, projection="EPSG:32632"), r"no whole parts|does not cover"),
        (grid(10, x=X - 4000), r"does not cover the area of the forecast .* columns -2 to 7 of"),
        (grid(10, y=Y - 30_000), r"rows 15 to 24 .* of its 24 x 24; give a truth of that area"),
    ],
    ids=["shifted", "half", "finer", "projection", "west", "south"],
)
def test_pixels_that_do_not_fit_are_refused(forecast, message):
    with pytest.raises(Refusal, match=message):
        found(grid(), forecast)


def test_a_turned_grid_is_refused():
    around = grid(10, 2000.0, 0.0, 0.0, "+proj=ortho +lat_0=47 +lon_0=8.2 +gamma=0")
    turned = "+proj=omerc +lat_0=47 +lonc=8.2 +alpha=45 +gamma=0 +k=1 +ellps=WGS84"
    with pytest.raises(Refusal, match=r"lie askew|no whole parts"):
        found(grid(40, 2000.0, -40_000.0, 40_000.0, turned), around)


def test_without_a_map_only_frames_of_one_size_fit():
    part = part_of(None, (4, 5), grid(5), (4, 5), NAMES)
    assert (part.rows, part.columns, part.side) == (slice(0, 4), slice(0, 5), 1)
    with pytest.raises(Refusal, match=r"radar.h5: has frames of 4 x 5 pixels, the forecast"):
        part_of(grid(5), (4, 5), None, (5, 5), NAMES)
    assert np.all(part.words == ())
