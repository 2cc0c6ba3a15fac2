import numpy as np
import pytest

from mindcast.config.loader import of_overrides
from mindcast.config.verification import VerificationSettings
from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.refusal import Refusal
from mindcast.tasks.nowcast.verification import Verification
from tests.data.forecasts.files import (
    LEADS,
    START,
    STEP,
    frames,
    grid,
    write_forecast,
    write_observed,
)
from tests.motion.blobs import moving

BEFORE = 2
SMALL = ("evaluation.pools=[1]", "evaluation.scales=[1,3]", f"context_frames={BEFORE}")


def scored(folder, forecasts, *overrides, truth="truth.nc", context=None):
    settings = of_overrides(VerificationSettings, (*SMALL, *overrides))
    paths = [folder / name for name in forecasts]
    before = [str(folder / context)] if context else []
    scoring = Verification(paths, [str(folder / truth)], before, settings)
    for case in scoring.cases():
        scoring.score(case)
    return scoring, scoring.suite.result()


def overall(result, row, name):
    return result["rows"][row]["scores"][name]["overall"]


def observe(folder, values=None, where=None):
    """BEFORE frames and the LEADS that follow them; gives the latter."""
    values = frames(BEFORE + LEADS) if values is None else values
    write_observed(folder / "truth.nc", values, where or grid(), START - STEP * (BEFORE - 1))
    return values[BEFORE:]


def members(count=3):
    return np.stack([frames(LEADS, seed=9 + m) for m in range(count)])


def test_a_forecast_that_came_true_is_perfect_on_the_pixels_that_both_have(tmp_path):
    truth = observe(tmp_path)
    forecast = np.stack([truth, truth])
    forecast[1, :, :5] = np.nan
    forecast[0, :, :5] = 0
    write_forecast(tmp_path / "ours.nc", forecast, grid())
    _, result = scored(tmp_path, ["ours.nc"])
    row = "ours (mean of 2)"
    assert overall(result, row, "mae") == overall(result, row, "crps") == 0
    assert overall(result, row, "fss_40_scale3") == overall(result, row, "roc_area") == 1
    counted = sum(
        overall(result, row, f"{name}_20")
        for name in ("hits", "misses", "false_alarms", "correct_negatives")
    )
    assert counted == LEADS * 19 * 24


def test_the_scores_are_those_of_the_arrays_that_are_in_the_file(tmp_path):
    truth = observe(tmp_path)
    write_forecast(tmp_path / "ours.nc", members(), grid())
    _, result = scored(tmp_path, ["ours.nc"], "thresholds=[25,45]")
    suite = NowcastSuite(("ours",), (25, 45), 90, (1,), (5, 10, 15), "dBZ", (1, 3))
    scale = np.float32(90)
    suite.update(
        "ours", members()[np.newaxis, ..., np.newaxis] / scale, truth[None, ..., None] / scale
    )
    expected = suite.result()
    for name, row in expected["rows"].items():
        for entry, of in row["scores"].items():
            found = result["rows"][name]["scores"][entry]
            assert found["overall"] == pytest.approx(of["overall"], rel=1e-4, nan_ok=True), entry
    assert result["thresholds"] == [25, 45]


def test_baselines_begin_with_what_was_observed_before(tmp_path):
    values = np.clip(90 * moving((1, 0), BEFORE + LEADS, 32), 0, 90)
    truth = observe(tmp_path, values, grid(32))
    last = values[BEFORE - 1]
    write_forecast(tmp_path / "ours.nc", np.stack([last] * LEADS), grid(32))
    baselines = "evaluation.baselines=[persistence,extrapolation,steps]"
    scoring, result = scored(tmp_path, ["ours.nc"], baselines, "input.lower_dbz=0")
    assert [*result["rows"]][:2] == ["persistence", "extrapolation"]
    assert "steps (mean of 8)" in result["rows"]
    for name in ("mae", "csi", "fss_scale3", "fine_power"):
        assert overall(result, "persistence", name) == overall(result, "ours", name)
    error = np.abs(last - truth).mean()
    assert overall(result, "persistence", "mae_physical") == pytest.approx(error, rel=1e-4)
    assert scoring.pixel_km == 2  # of the map


def test_without_frames_before_there_are_no_baselines_and_the_report_says_so(tmp_path):
    write_observed(tmp_path / "truth.nc", frames(LEADS), grid(), START + STEP)
    write_forecast(tmp_path / "ours.nc", members(), grid())
    scoring, result = scored(tmp_path, ["ours.nc"])
    assert {row["method"] for row in result["rows"].values()} == {"ours"}
    assert "no baselines: --truth has no frame of 2020-06-01T12:00:00" in scoring.notes
    write_observed(tmp_path / "before.nc", frames(1), grid(), START)
    with pytest.raises(Refusal, match=r"--context has no frame of 2020-06-01T11:55:00; give "):
        scored(tmp_path, ["ours.nc"], context="before.nc")
    write_observed(tmp_path / "both.nc", frames(BEFORE), grid(), START - STEP)
    _, result = scored(tmp_path, ["ours.nc"], context="both.nc")
    assert "persistence" in result["rows"]


def test_lead_times_without_a_truth_are_left_out(tmp_path):
    write_observed(tmp_path / "truth.nc", frames(2), grid(), START + 2 * STEP)
    write_forecast(tmp_path / "ours.nc", np.stack([frames(5)] * 2), grid())
    scoring, result = scored(tmp_path, ["ours.nc"])
    assert result["lead_minutes"] == [10, 15]
    assert "3 of 5 lead times have no truth" in scoring.notes


def test_forecasts_of_several_files_are_scored_together(tmp_path):
    values = frames(8)
    write_observed(tmp_path / "truth.nc", values, grid(), START)
    for number in (1, 2):
        start = START + number * STEP
        forecast = values[number + 1 : number + 1 + LEADS]
        write_forecast(tmp_path / f"{number}.nc", forecast, grid(), start)
    _, result = scored(tmp_path, ["1.nc", "2.nc"])
    assert {row["cases"] for row in result["rows"].values()} == {2}
    assert overall(result, "forecast", "mae") == 0
    write_forecast(tmp_path / "3.nc", members(), grid())
    with pytest.raises(Refusal, match=r"3\.nc: its number of members is 3, .*1\.nc None; score"):
        scored(tmp_path, ["1.nc", "3.nc"])


def test_rain_rates_are_scored_as_reflectivity(tmp_path):
    observe(tmp_path, np.full((BEFORE + LEADS, 24, 24), 40, np.float32))
    # Z = 200 R^1.6: 10 mm/h are 23.01 + 16 = 39.01 dBZ
    rain = np.full((1, LEADS, 24, 24), 10.0)
    write_forecast(tmp_path / "rain.nc", rain, grid(), unit="mm/h", thresholds=(1, 20))
    scoring, result = scored(tmp_path, ["rain.nc"])
    error = 40 - 10 * np.log10(200) - 16
    assert overall(result, "rain", "mae_physical") == pytest.approx(error, rel=1e-4)
    assert result["unit"] == "dBZ"
    # the thresholds of its probabilities, 1 and 20 mm/h, in dBZ
    expected = 10 * np.log10(200) + 16 * np.log10([1, 20])
    assert result["thresholds"] == pytest.approx(expected.tolist())
    assert any("Z = 200 R^1.6" in note for note in scoring.notes)


def test_codes_of_vil_are_scored_as_they_are(tmp_path):
    codes = np.full((LEADS, 24, 24), 74, np.float32)
    write_observed(tmp_path / "truth.nc", np.full((LEADS, 24, 24), 40.0), grid(), START + STEP)
    write_forecast(tmp_path / "codes.nc", codes, grid(), unit="VIL")
    _, result = scored(tmp_path, ["codes.nc"])
    assert (result["unit"], result["value_scale"]) == ("VIL", 255)
    assert result["thresholds"][:2] == [16, 74]


def test_no_common_time_and_no_common_pixel_are_refused(tmp_path):
    write_forecast(tmp_path / "ours.nc", members(), grid())
    write_observed(tmp_path / "truth.nc", frames(2), grid(), START + 100 * STEP)
    with pytest.raises(Refusal, match=r"ours\.nc: is for 2020-06-01T12:05:00 to .* no common time"):
        scored(tmp_path, ["ours.nc"])
    (tmp_path / "truth.nc").unlink()
    write_observed(tmp_path / "truth.nc", frames(3) * np.nan, grid(), START + STEP)
    with pytest.raises(Refusal, match="no pixel is known both in the forecast and in the truth"):
        scored(tmp_path, ["ours.nc"])
