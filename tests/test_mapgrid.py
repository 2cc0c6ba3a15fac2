import numpy as np
import pytest

from mindcast.mapgrid import MapGrid

SWISS = "EPSG:2056"


def grid() -> MapGrid:
    return MapGrid(2.6e6 + 1000.0 * np.arange(4), 1.2e6 - 2000.0 * np.arange(3), SWISS)


def test_the_origin_of_the_swiss_grid_is_the_old_observatory_of_bern() -> None:
    # (2 600 000, 1 200 000) is defined as 46 57 08.66 N, 7 26 22.50 E on Bessel's ellipsoid, which
    # lies at 46 57 03.9 N, 7 26 19.1 E on WGS 84 (swisstopo)
    latitude, longitude = grid().degrees()
    assert latitude.shape == longitude.shape == (3, 4)
    assert latitude[0, 0] == pytest.approx(46 + 57 / 60 + 3.9 / 3600, abs=1e-4)
    assert longitude[0, 0] == pytest.approx(7 + 26 / 60 + 19.1 / 3600, abs=1e-4)
    assert (latitude[:-1] > latitude[1:]).all()


def test_a_part_keeps_its_places() -> None:
    part = grid().cut(slice(1, 3), slice(2, 4))
    assert part.shape == (2, 2)
    assert part.pixel_m == (2000.0, 1000.0)
    assert (part.x[0], part.y[0]) == (2.6e6 + 2000, 1.2e6 - 2000)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.array([0.0, 1, 3]), np.array([1.0, 0])),
        (np.array([0.0, 1]), np.array([0.0, 1])),
        (np.array([0.0]), np.array([1.0, 0])),
    ],
    ids=["uneven", "south first", "one column"],
)
def test_axes_that_are_no_map_are_refused(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        MapGrid(x, y, SWISS)
