import numpy as np
import pytest
from matplotlib.figure import Figure

from mindcast.mapgrid import MapGrid
from mindcast.visualization.nowcast.ground import Edges, Map, Network, Pixels, ground_of


def grid(projection="EPSG:3857", x=0.0, y=0.0, shape=(20, 40), step=10_000.0):
    return MapGrid(x + step * np.arange(shape[1]), y - step * np.arange(shape[0]), projection)


def dressed(place, edges=None):
    axes = Figure().subplots()
    left, right, bottom, top = place.extent(place.grid.shape)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    place.dress(axes, edges or Edges())
    return axes


def test_a_map_has_the_sides_of_its_pixels_and_a_picture_those_of_its_frame():
    assert Map(grid()).size(2.0) == pytest.approx((2.0, 1.0))
    assert Pixels((30, 15)).size(2.0) == pytest.approx((1.0, 2.0))
    assert isinstance(ground_of(None, (3, 4)), Pixels)


def test_the_extent_reaches_to_the_outer_edges_of_the_pixels():
    # 40 columns of 10 km whose first centre is 0; 20 rows downwards from 0
    assert Map(grid()).extent((20, 40)) == pytest.approx((-5, 395, -195, 5))


def test_round_degrees_stand_where_they_cross_the_edges():
    # Mercator on a sphere of 6378.137 km: 1 degree of longitude is 111.319 km everywhere
    net = Network.of(grid())
    assert net.meridians == [0, 1, 2, 3]
    found = net.crossings(net.longitude[0], net.x, net.meridians)
    # 0 and 3 (334 km) lie within 40 km of the ends, -5 and 395; only the first is left out
    assert [level for level, _ in found] == [1, 2, 3]
    assert [x for _, x in found] == pytest.approx([111.319, 222.639, 333.958], abs=0.01)


def test_coordinates_are_written_at_the_asked_edges_alone():
    texts = {text.get_text() for text in dressed(Map(grid())).texts}
    assert {"1°E", "2°E", "3°E", "1°S"} <= texts
    above = dressed(Map(grid()), Edges(right=False)).texts
    assert {text.get_text()[-1] for text in above} == {"E"}
    assert not dressed(Map(grid()), Edges(False, False, False, False)).texts


def test_across_the_date_line_longitudes_go_on():
    # 1 degree is 111.319 km: columns of 10 km as far as 1.4 degrees on either side of 180
    across = grid("+proj=merc +lon_0=180 +ellps=WGS84", x=-160e3, shape=(10, 33))
    net = Network.of(across)
    assert (np.diff(net.longitude, axis=1) > 0).all()
    names = {text.get_text() for text in dressed(Map(across)).texts}
    assert {"179°E", "180°", "179°W"} <= names


def test_a_map_that_reaches_beyond_the_earth_has_no_lines():
    beyond = grid("+proj=ortho +lat_0=0 +lon_0=0 +ellps=sphere", x=-7e6, y=7e6, step=5e5)
    assert not Network.of(beyond).known
    assert not dressed(Map(beyond)).texts


def test_edges_along_which_degrees_turn_are_left_without():
    degrees = np.array([1.0, 2.0, 1.5])
    assert Network.crossings(degrees, np.arange(3.0), [1.5]) == []
