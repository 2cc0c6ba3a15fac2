import numpy as np
import pytest
from matplotlib.figure import Figure

from mindcast.visualization.colours import map_palette
from mindcast.visualization.nowcast.stage import Panel, Stage

PALETTE = map_palette("dBZ")
DPI = 50


def staged(side=0.5, extent=(0, 1, 0, 1)):
    """One panel of half the width and height of a square inch, its upper left corner at a fifth."""
    figure = Figure((1, 1))
    axes = figure.add_axes((0.2, 0.8 - side, side, side))
    axes.set_axis_off()
    axes.spines[:].set_visible(False)
    return Stage(figure, [Panel.opened(axes, PALETTE, extent)], DPI)


def test_each_dot_has_the_colour_of_the_pixel_that_its_middle_lies_in():
    frame = np.array([[5.0, 22.0], [42.0, np.nan]])
    picture = np.array(staged().painted([frame]))
    assert picture.shape == (50, 50, 3)
    colours = PALETTE.rgba(frame)[..., :3]
    # 25 dots from the tenth on; the 13th is cut by the middle and belongs to the second pixel
    expected = colours.repeat([12, 13], axis=0).repeat([12, 13], axis=1)
    assert (picture[10:35, 10:35] == expected).all()
    picture[10:35, 10:35] = 255
    assert (picture == 255).all()


@pytest.mark.parametrize("factor", [1, 7, 40])
def test_frames_of_any_fineness_fill_the_panel(factor):
    # both ways, the smaller of frame and panel is coloured
    frame = np.array([[5.0, 22.0], [42.0, np.nan]]).repeat(factor, axis=0).repeat(factor, axis=1)
    picture = np.asarray(staged().painted([frame]))
    coarse = np.asarray(staged().painted([frame[::factor, ::factor]]))
    assert (picture == coarse).all()


def test_a_frame_keeps_its_sides_in_a_panel_of_others():
    # twice as wide as high: 25 dots by 12 or 13, in the middle
    picture = np.asarray(staged(extent=(0, 2, 0, 1)).painted([np.full((1, 2), 42.0)]))
    rows, columns = np.nonzero((picture != 255).any(axis=-1))
    assert np.ptp(columns) + 1 == 25
    assert np.ptp(rows) + 1 == pytest.approx(12.5, abs=0.6)


def test_the_next_picture_shows_nothing_of_the_last():
    stage, wet, dry = staged(), np.full((3, 3), 42.0), np.zeros((3, 3))
    first = stage.painted([dry])
    wet_picture = stage.painted([wet])
    assert (np.asarray(stage.painted([dry])) == np.asarray(first)).all()
    assert (np.asarray(wet_picture) != np.asarray(first)).any()
