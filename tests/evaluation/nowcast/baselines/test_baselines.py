import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from mindcast.config.schema import Evaluation
from mindcast.evaluation.nowcast.baselines import BASELINES, Past
from tests.motion.blobs import moving

ENSEMBLES = {"steps"}
FRAMES = 3


def past(context, **changes):
    return replace(
        Past(context[..., np.newaxis], FRAMES, 5, 90.0, "dBZ", members=2, seed=4), **changes
    )


@pytest.fixture(scope="module")
def rain():
    return moving((2, 1), frames=8, side=48)


@pytest.fixture(scope="module")
def made(rain):
    return {name: baseline(past(rain[:5])) for name, baseline in BASELINES.items()}


def test_the_setting_knows_the_names_of_the_table():
    annotation = Evaluation.model_fields["baselines"].annotation
    (names, _) = get_args(annotation)
    assert set(get_args(names)) == BASELINES.keys()


@pytest.mark.parametrize("name", BASELINES)
def test_forecasts_are_frames_of_the_scale_and_ensembles_have_members(name, made):
    forecast = made[name].forecast
    members = (2,) if name in ENSEMBLES else ()
    assert forecast.shape == (*members, FRAMES, 48, 48, 1)
    assert forecast.dtype == np.float32
    assert forecast.min() >= 0
    assert forecast.max() <= 1
    assert (made[name].instead, made[name].why) == ("", "")


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "persistence"])
def test_rain_that_is_carried_along_is_forecast_better_than_by_persistence(name, made, rain):
    def error(forecast):
        inner = np.abs(forecast - rain[5:, ..., np.newaxis])[..., 12:-12, 12:-12, :]
        return inner.mean()

    forecast = made[name].forecast
    member = forecast[0] if name in ENSEMBLES else forecast
    assert error(member) < 0.5 * error(made["persistence"].forecast)


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_input_gives_the_same_forecast(name, made, rain):
    np.testing.assert_array_equal(BASELINES[name](past(rain[:5])).forecast, made[name].forecast)


def test_a_member_is_the_same_whatever_their_number_and_differs_from_the_others(made, rain):
    more = BASELINES["steps"](past(rain[:5], members=3)).forecast
    np.testing.assert_array_equal(more[:2], made["steps"].forecast)
    assert np.abs(more[1] - more[0]).max() > 0.01


def test_the_random_numbers_of_others_go_on_as_before(rain):
    np.random.seed(0)
    expected = np.random.random(3)
    np.random.seed(0)
    first = np.random.random()
    BASELINES["steps"](past(rain[:5]))
    assert [first, *np.random.random(2)] == expected.tolist()


NONE = np.zeros((1, 48, 48), np.float32)


@pytest.mark.parametrize("name", ["s-prog", "steps"])
@pytest.mark.parametrize(
    ("begins", "dry", "ends", "instead", "why"),
    [
        (0, 5, 0, "standing still", "dry"),
        (1, 0, 0, "standing still", "one frame"),
        (3, 1, 1, "extrapolation", "dry"),  # rain in the last frame alone
        (4, 1, 0, "extrapolation", "dry"),
        (0, 3, 2, "", ""),  # two frames of rain are enough, after dry ones
        (2, 0, 0, "", ""),
    ],
)
def test_cascades_that_cannot_be_made_are_the_extrapolation(
    rain, name, begins, dry, ends, instead, why
):
    context = np.concatenate([rain[:begins], *[NONE] * dry, rain[begins + dry :][:ends]])
    nowcast = BASELINES[name](past(context))
    assert (nowcast.instead, nowcast.why) == (instead, why)
    simpler = BASELINES["extrapolation"](past(context)).forecast
    if instead:
        np.testing.assert_array_equal(
            nowcast.forecast, np.stack([simpler] * 2) if name in ENSEMBLES else simpler
        )


def test_rain_too_faint_to_be_any_is_none(rain):
    faint = 0.05 * (rain[:5] > 0)  # 4.5 dBZ
    nowcast = BASELINES["s-prog"](past(faint.astype(np.float32)))
    assert (nowcast.instead, nowcast.why) == ("extrapolation", "dry")


@pytest.mark.parametrize("fails", ["an error", "nothing finite"])
def test_where_pysteps_fails_the_extrapolation_stands_in(monkeypatch, rain, fails):
    def forecast(frames, velocity, timesteps, **options):
        if fails == "an error":
            raise ValueError("singular matrix")
        return np.full((timesteps, *frames.shape[1:]), np.nan)

    monkeypatch.setattr("pysteps.nowcasts.sprog.forecast", forecast)
    nowcast = BASELINES["s-prog"](past(rain[:5]))
    assert (nowcast.instead, nowcast.why) == ("extrapolation", "pysteps failed")


def test_small_and_oblong_frames_have_every_baseline(rain):
    for window in (np.s_[:, :16, :16], np.s_[:, :, :20]):
        for name, baseline in BASELINES.items():
            forecast = baseline(past(rain[:5][window])).forecast
            assert np.isfinite(forecast).all(), name


def test_nothing_is_printed_and_pysteps_is_imported_only_when_needed(rain, capfd):
    BASELINES["steps"](past(rain[:5]))
    assert capfd.readouterr() == ("", "")
    probe = (
        "import sys, mindcast.cli, mindcast.tasks.nowcast.task; "
        "print({'pysteps', 'cv2'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
