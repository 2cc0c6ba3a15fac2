import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.visualization.cross_section import cross_section, edges
from mindcast.visualization.downscale import draw_downscale
from mindcast.visualization.downscale_case import DownscaleCase
from mindcast.visualization.downscale_curves import level_profiles, rank_histograms, spectrum_curves
from mindcast.visualization.downscale_panels import downscale_panel
from mindcast.visualization.levels import spread_out
from mindcast.visualization.scales import MISSING, error_scale, temperature_scale
from tests.visualization.downscaling import LEVELS, make_case, make_result
from tests.visualization.drawing import pixels

GREY = tuple(int(MISSING[k : k + 2], 16) for k in (1, 3, 5))
BASELINE, METHOD = (127, 127, 127), (0, 114, 178)


def share_of(path, colour):
    return (pixels(path) == colour).all(axis=-1).mean()


def colours_in(path):
    return {tuple(pixel) for pixel in np.unique(pixels(path).reshape(-1, 3), axis=0).tolist()}


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [(8, 3, [0, 4, 7]), (3, 3, [0, 1, 2]), (2, 4, [0, 1]), (1, 3, [0]), (19, 2, [0, 18])],
)
def test_levels_are_spread_out_from_the_first_to_the_last(count, most, chosen):
    assert spread_out(count, most) == chosen


def test_scales_centre_errors_on_zero_and_span_the_truth():
    error = error_scale([np.array([-3.0, 1.0]), np.array([2.0, np.nan])])
    assert error.limits[0] == -error.limits[1]
    assert 2.9 < error.limits[1] <= 3
    low, high = temperature_scale(np.array([250.0, np.nan, 270.0])).limits
    assert 250 <= low < 251
    assert 269 < high <= 270
    low, high = temperature_scale(np.full(3, np.nan)).limits
    assert low < high


def test_a_sheet_grows_with_its_levels_and_narrows_without_members(tmp_path):
    sizes = {}
    for name, case, levels in (
        ("one", make_case(), (0,)),
        ("two", make_case(), (0, 3)),
        ("single", make_case(1, False), (0,)),
    ):
        downscale_panel(tmp_path / f"{name}.png", case, levels)
        sizes[name] = pixels(tmp_path / f"{name}.png").shape[:2]
    assert sizes["two"][0] > sizes["one"][0] * 1.5
    assert sizes["two"][1] == sizes["one"][1]
    assert sizes["single"][1] < sizes["one"][1] * 0.8


def lowest_level(path, case):
    downscale_panel(path, case, levels=(0,))


@pytest.mark.parametrize("draw", [lowest_level, cross_section])
def test_what_lies_below_ground_is_grey(tmp_path, draw):
    ground = np.ones((len(LEVELS), 8, 12, 1))
    draw(tmp_path / "without.png", make_case(above_ground=ground))
    ground[0] = 0
    draw(tmp_path / "with.png", make_case(above_ground=ground))
    assert share_of(tmp_path / "without.png", GREY) < 0.002
    assert share_of(tmp_path / "with.png", GREY) > 0.03


def test_a_panel_shows_the_field_s_colours_with_north_up(tmp_path):
    truth = np.full((1, 8, 8, 1), 250.0)
    truth[:, 4:] = 290  # the last rows are warm
    shown = []
    for latitude in (np.linspace(60, 20, 8), np.linspace(20, 60, 8)):
        coarse, levels = truth[:, ::4, ::4], np.array([500.0])
        case = DownscaleCase("ours", coarse, truth, truth[None], truth, levels, latitude=latitude)
        downscale_panel(tmp_path / "a.png", case)
        picture = pixels(tmp_path / "a.png").astype(int)
        column = picture[:, 110]  # through the first map, the coarse input
        warm = np.flatnonzero(column[:, 0] - column[:, 2] > 100)
        cold = np.flatnonzero(column[:, 2] - column[:, 0] > 60)
        shown.append(warm.mean() > cold.mean())
    assert shown == [True, False]


def test_section_follows_the_row_that_is_asked_for(tmp_path):
    case = make_case(latitude=np.linspace(60, 50, 8), longitude=np.linspace(0, 11, 12))
    cross_section(tmp_path / "a.png", case, row=1)
    cross_section(tmp_path / "b.png", case, row=6)
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "b.png")).any()


def test_cells_of_a_section_meet_halfway_between_levels():
    np.testing.assert_allclose(edges(np.array([0.0, 1, 4])), [-0.5, 0.5, 2.5, 5.5])
    np.testing.assert_allclose(edges(np.array([2.0])), [1.5, 2.5])


def test_curves_draw_the_baseline_grey_and_the_method_blue(tmp_path):
    level_profiles(tmp_path / "levels.png", make_result())
    spectrum_curves(tmp_path / "spectra.png", make_result(), most=1)
    for name in ("levels.png", "spectra.png"):
        assert {BASELINE, METHOD, (0, 0, 0)} <= colours_in(tmp_path / name)


def test_undefined_scores_leave_a_gap_and_no_failure(tmp_path):
    result = make_result()
    row = result["rows"]["bicubic"]
    row["scores"]["skill"]["values"] = [None] * len(LEVELS)
    row["spectrum"]["ratio"][0] = [None, np.nan, 0.0, 1.0, 1.0, 1.0]
    level_profiles(tmp_path / "a.png", result)
    spectrum_curves(tmp_path / "b.png", result, most=1)


def test_rank_histograms_are_drawn_for_ensembles_only(tmp_path):
    assert rank_histograms(tmp_path / "a.png", make_result(), most=2)
    assert METHOD in colours_in(tmp_path / "a.png")
    assert not rank_histograms(tmp_path / "b.png", make_result(ensemble=False))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_all_pictures_of_a_test_are_named(tmp_path):
    paths = list(draw_downscale(tmp_path, make_result(), [("case-0", make_case())]))
    assert [path.name for path in paths] == [
        "ours_case-0.png",
        "ours_case-0_section.png",
        "levels.png",
        "spectra.png",
        "ranks.png",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.png: cannot be written"):
        downscale_panel(tmp_path / "taken" / "a.png", make_case(), (0,))
