from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal
from mindcast.visualization.colours import DRY_RGB, MAP_RGB, MISSING_RGB
from mindcast.visualization.nowcast.forecast import Forecast, Pictures, draw_forecast
from tests.visualization.drawing import pixels

START = np.datetime64("2016-07-11T23:50")
LEADS, H, W = 2, 8, 12
MINUTES = np.timedelta64(5, "m")
SWISS = MapGrid(6e5 + 1e3 * np.arange(W), 2e5 - 1e3 * np.arange(H), "EPSG:21781")
MISSING_PIXELS = (slice(None), slice(0, 4), slice(0, 4))


def forecast(**changes):
    """Dry, but for one member: 60 dBZ in its lower half; missing in a corner."""
    frames = np.zeros((LEADS, H, W), np.float32)
    frames[MISSING_PIXELS] = np.nan
    wet = frames.copy()
    wet[:, 4:] = 60
    given = {
        "name": "a model",
        "unit": "dBZ",
        "times": START + MINUTES * np.arange(1, LEADS + 1),
        "start": START,
        "members": (frames, wet),
        "count": 2,
        "context": frames[:2],
        "context_times": START + MINUTES * np.arange(-1, 1),
        "mean": frames,
        "probabilities": {20.0: frames, 35.0: frames},
        "grid": SWISS,
    }
    return Forecast(**{**given, **changes})


def share_of(path, colour):
    return (pixels(path) == colour).all(axis=-1).mean()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    return folder, list(draw_forecast(folder, forecast()))


def test_a_forecast_is_a_sheet_its_probabilities_and_a_film(drawn):
    folder, paths = drawn
    assert [path.name for path in paths] == [
        "forecast.png",
        "forecast_probability.png",
        "forecast.gif",
    ]
    assert sorted(paths) == sorted(folder.iterdir())


def test_dry_wet_and_missing_pixels_have_their_colours(drawn):
    _, (sheet, chances, _) = drawn
    for colour in (DRY_RGB, MISSING_RGB, MAP_RGB[-1]):  # 60 dBZ is in the last bin
        assert share_of(sheet, colour) > 0.01
    assert share_of(chances, MISSING_RGB) > 0.01
    assert share_of(chances, MAP_RGB[-1]) == 0


@pytest.mark.parametrize("grid", [SWISS, None], ids=["map", "pixels"])
def test_missing_pixels_are_where_they_lie(tmp_path, grid):
    path = next(draw_forecast(tmp_path, forecast(grid=grid)))
    grey, *others = (share_of(path, of) for of in (MISSING_RGB, MAP_RGB[-1], DRY_RGB))
    # of a frame of 8 x 12 pixels, 4 x 4 are missing
    assert grey / (grey + sum(others)) == pytest.approx(1 / 6, rel=0.06)


def test_the_film_shows_what_was_observed_and_then_every_lead_time(drawn):
    _, (*_, film) = drawn
    with Image.open(film) as image:
        assert image.n_frames == 2 + LEADS


def test_a_forecast_without_members_is_one_row_without_probabilities(tmp_path):
    one = forecast()
    single = replace(
        one, grid=None, count=None, members=one.members[:1], mean=None, probabilities={}
    )
    paths = list(draw_forecast(tmp_path, single, "single"))
    assert [path.name for path in paths] == ["single.png", "single.gif"]
    assert list(single.fields) == ["forecast"]


def test_without_observations_the_forecast_is_drawn_alone(tmp_path):
    without = forecast(
        grid=None, context=np.zeros((0, H, W), np.float32), context_times=np.array([], "M8[m]")
    )
    *_, film = draw_forecast(tmp_path, without)
    with Image.open(film) as image:
        assert image.n_frames == LEADS


def test_pictures_that_were_begun_without_values_are_those_of_the_forecast(tmp_path, drawn):
    _, straight = drawn
    given, nothing = forecast(), np.full((LEADS, H, W), np.nan, np.float32)
    begun = Pictures(
        replace(
            given,
            members=(nothing, nothing),
            mean=nothing,
            probabilities=dict.fromkeys(given.probabilities, nothing),
        )
    )
    for one, other in zip(begun.draw(tmp_path, given), straight, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_title_names_the_start_in_utc():
    assert forecast().title == "a model, forecast from 2016-07-11 23:50 UTC"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"forecast\.png: cannot be written"):
        next(draw_forecast(tmp_path / "taken", forecast()))
