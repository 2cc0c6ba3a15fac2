import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.visualization.downscale.cross_section import cross_section, edges
from mindcast.visualization.downscale.levels import spread_out
from mindcast.visualization.downscale.panels import downscale_panel
from mindcast.visualization.scales import MISSING
from tests.cases import SHAPE
from tests.visualization.downscale.views import make_view
from tests.visualization.drawing import pixels

GREY = tuple(int(MISSING[k : k + 2], 16) for k in (1, 3, 5))


def share_of(path, colour):
    return (pixels(path) == colour).all(axis=-1).mean()


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [(8, 3, [0, 4, 7]), (3, 3, [0, 1, 2]), (2, 4, [0, 1]), (1, 3, [0]), (19, 2, [0, 18])],
)
def test_levels_are_spread_out_from_the_first_to_the_last(count, most, chosen):
    assert spread_out(count, most) == chosen


def test_a_sheet_grows_with_its_levels_and_narrows_without_members(tmp_path):
    sizes = {}
    for name, view, levels in (
        ("one", make_view(), (0,)),
        ("two", make_view(), (0, 3)),
        ("single", make_view(1, False), (0,)),
    ):
        downscale_panel(tmp_path / f"{name}.png", view, levels)
        sizes[name] = pixels(tmp_path / f"{name}.png").shape[:2]
    assert sizes["two"][0] > sizes["one"][0] * 1.5
    assert sizes["two"][1] == sizes["one"][1]
    assert sizes["single"][1] < sizes["one"][1] * 0.8


def lowest_level(path, view):
    downscale_panel(path, view, levels=(0,))


@pytest.mark.parametrize("draw", [lowest_level, cross_section])
def test_what_lies_below_ground_is_grey(tmp_path, draw):
    ground = np.ones(SHAPE)
    draw(tmp_path / "without.png", make_view(weight=ground))
    ground[0] = 0
    draw(tmp_path / "with.png", make_view(weight=ground))
    assert share_of(tmp_path / "without.png", GREY) < 0.002
    assert share_of(tmp_path / "with.png", GREY) > 0.03


def test_a_panel_shows_the_field_s_colours_with_north_up(tmp_path):
    shown = []
    for latitude in (np.linspace(60, 20, 8), np.linspace(20, 60, 8)):
        view = make_view(latitude=latitude)
        fields = (view.case.truth, view.case.sample.input.temperature_lr)
        for field in fields:
            field[...] = 250.0
            field[:, field.shape[1] // 2 :] = 280.0  # the last rows are warm
        downscale_panel(tmp_path / "a.png", view, (0,))
        picture = pixels(tmp_path / "a.png").astype(int)
        column = picture[:, 110]  # through the first map, the coarse input
        warm = np.flatnonzero(column[:, 0] - column[:, 2] > 100)
        cold = np.flatnonzero(column[:, 2] - column[:, 0] > 60)
        shown.append(warm.mean() > cold.mean())
    assert shown == [True, False]


def test_section_follows_the_row_that_is_asked_for(tmp_path):
    view = make_view(latitude=np.linspace(60, 50, 8))
    cross_section(tmp_path / "a.png", view, row=1)
    cross_section(tmp_path / "b.png", view, row=6)
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "b.png")).any()


def test_cells_of_a_section_meet_halfway_between_levels():
    np.testing.assert_allclose(edges(np.array([0.0, 1, 4])), [-0.5, 0.5, 2.5, 5.5])
    np.testing.assert_allclose(edges(np.array([2.0])), [1.5, 2.5])


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.png: cannot be written"):
        downscale_panel(tmp_path / "taken" / "a.png", make_view(), (0,))
