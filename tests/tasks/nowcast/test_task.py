import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from mindcast.config.schema import Evaluation, Runtime, Sampling
from mindcast.samples import NowcastInput, Sample
from mindcast.tasks.nowcast.task import Task
from tests.motion.blobs import moving

TIMES = np.datetime64("2020-10-31T07:00", "m") + 6 * np.arange(5).astype("m8[m]")
SEQUENCES = SimpleNamespace(
    thresholds=(20, 30, 35, 40),
    value_scale=90.0,
    interval_minutes=6,
    unit="dBZ",
    label=lambda i: f"test_{i}",
    times=lambda i: TIMES,
    keys=range(100),
)


def task(methods=("ours",), seed=0, data_pixel_km=None, **options):
    run = SimpleNamespace(
        data=SimpleNamespace(pixel_km=data_pixel_km),
        evaluation=Evaluation(pools=(1,), **options),
        sampling=Sampling(members=3),
        runtime=Runtime(seed=seed),
    )
    return Task(SEQUENCES, run, SimpleNamespace(length=5, context=2), methods)


def sample():
    frames = np.random.default_rng(0).random((5, 12, 12, 1), np.float32)
    return Sample(NowcastInput(frames[:2]), frames[2:])


@pytest.mark.parametrize(
    ("options", "threshold"), [({}, 30), ({"probability_threshold": 12.5}, 12.5)]
)
def test_panels_show_the_middle_threshold_of_the_data_unless_another_is_set(
    tmp_path, monkeypatch, options, threshold
):
    drawn, pictures = [], "mindcast.visualization.nowcast"
    monkeypatch.setattr(f"{pictures}.panels.forecast_panel", lambda *a: drawn.append(a))
    monkeypatch.setattr(f"{pictures}.animation.forecast_animation", lambda *a: None)
    scoring = task(**options)
    case = scoring.case(4, sample())
    case.forecasts["ours"] = case.truth
    scoring.score(case)
    next(scoring.draw_case(case, tmp_path))
    _, view, found = drawn[0]
    assert (found, view.case.unit, view.case.value_scale) == (threshold, "dBZ", 90)
    assert view.title == "ours, test_4"


def test_the_table_names_the_unit_and_the_thresholds_of_the_data(tmp_path):
    scoring = task(())
    case = scoring.case(0, sample())
    scoring.score(case)
    kept = case.forecasts["persistence"]
    assert kept.shape == case.truth.shape
    np.testing.assert_array_equal(kept[2], case.context[-1])
    text = scoring.write(tmp_path, {})
    assert "+6 to +18 min. Values: dBZ 0..90" in text
    assert "thresholds 20, 30, 35, 40" in text


def test_a_single_field_and_an_ensemble_of_one_have_one_row(tmp_path):
    scoring = task(("field", "one", "several"))
    case = scoring.case(0, sample())
    noise = np.random.default_rng(1).random((3, *case.shape), np.float32)
    case.forecasts = {"field": noise[0], "one": noise[:1], "several": noise}
    scoring.score(case)
    scoring.write(tmp_path, {})
    rows = json.loads((tmp_path / "scores.json").read_text())["rows"]
    assert list(rows) == [
        "persistence",
        "extrapolation",
        "field",
        "one",
        "several (mean of 3)",
        "several (probability-matched mean of 3)",
        "several (member 0)",
    ]
    assert rows["field"]["scores"] == rows["one"]["scores"]
    assert {row["cases"] for row in rows.values()} == {1}


def test_all_pictures_of_a_test_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: path.touch())
    scoring = task()
    case = scoring.case(0, sample())
    case.forecasts["ours"] = case.truth
    scoring.score(case)
    paths = [*scoring.draw_case(case, tmp_path), *scoring.draw(tmp_path)]
    assert [path.name for path in paths] == [
        "ours_test_0.png",
        "ours_test_0.gif",
        "csi.png",
        "errors.png",
        "bias.png",
        "spectra.png",
        "fss.png",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_what_an_ensemble_knows_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: path.touch())
    scoring = task()
    case = scoring.case(0, sample())
    case.forecasts["ours"] = np.random.default_rng(1).random((3, *case.shape), np.float32)
    scoring.score(case)
    names = [path.name for path in scoring.draw(tmp_path)]
    assert names[-4:] == ["spread_skill.png", "reliability.png", "roc.png", "ranks.png"]


def still_or_moving(moves):
    frames = moving((2, 1), side=32) if moves else np.zeros((5, 32, 32), np.float32)
    return Sample(NowcastInput(frames[:2, ..., None]), frames[2:, ..., None])


def scored(scoring, *samples):
    for i, sample in enumerate(samples):
        scoring.score(scoring.case(i, sample))
    return scoring


def test_cases_without_motion_stand_still_and_the_report_says_how_many(tmp_path):
    scoring = scored(task(()), *map(still_or_moving, (True, False, True, False)))
    text = scoring.write(tmp_path, {})
    assert text.endswith("\nextrapolation: standing still instead, in 2 of 4 cases (dry 2).")
    told = json.loads((tmp_path / "scores.json").read_text())["instead"]
    assert told == {"extrapolation": {"standing still": {"dry": 2}}}


def test_what_stood_in_is_known_to_a_test_that_goes_on():
    whole = scored(task(()), *map(still_or_moving, (False, True, False)))
    parts = scored(task(()), *map(still_or_moving, (False, True)))
    after = task(())
    after.suite.restore(parts.suite.state())
    scored(after, still_or_moving(False))
    assert str(after.suite.result()) == str(whole.suite.result())  # NaN equals NaN


def test_a_report_without_a_baseline_s_scores_does_not_go_on_with_it():
    before = scored(task((), baselines=["persistence"]), still_or_moving(True))
    with pytest.raises(KeyError, match="no scores of extrapolation"):
        task(()).suite.restore(before.suite.state())


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ([], []),
        (["extrapolation"], ["extrapolation"]),
        (["s-prog", "persistence", "s-prog"], ["s-prog", "persistence"]),
        (
            ["steps"],
            ["steps (mean of 3)", "steps (probability-matched mean of 3)", "steps (member 0)"],
        ),
    ],
)
def test_the_baselines_that_are_asked_for_have_rows_in_that_order(wanted, rows):
    scoring = scored(task((), baselines=wanted), still_or_moving(True))
    assert list(scoring.suite.result()["rows"]) == rows


def test_the_members_of_steps_depend_on_the_seed_and_the_case_alone():
    def members(number, seed=0, others=()):
        scoring = scored(task((), seed, baselines=["steps"]), *others)
        case = scoring.case(number, still_or_moving(True))
        scoring.score(case)
        return case.forecasts["steps"]

    first = members(7)
    np.testing.assert_array_equal(members(7, others=[still_or_moving(True)]), first)
    assert np.abs(members(8) - first).max() > 0.01
    assert np.abs(members(7, seed=1) - first).max() > 0.01


def test_the_panel_shows_the_baselines_that_are_single_fields(tmp_path, monkeypatch):
    drawn, pictures = [], "mindcast.visualization.nowcast"
    monkeypatch.setattr(f"{pictures}.panels.forecast_panel", lambda *a: drawn.append(a[1]))
    scoring = task(baselines=["persistence", "steps", "extrapolation"])
    case = scoring.case(0, still_or_moving(True))
    case.forecasts["ours"] = case.truth
    scoring.score(case)
    next(scoring.draw_case(case, tmp_path))
    assert drawn[0].beside == ("persistence", "extrapolation")


@pytest.mark.parametrize(
    ("given", "of_data", "used"), [(None, None, 2), (None, 3.0, 3.0), (1.5, 3.0, 1.5)]
)
def test_pixels_are_as_large_as_the_settings_say_else_as_the_data_do(given, of_data, used):
    scoring = task(pixel_km=given, data_pixel_km=of_data)
    past = scoring._past(scoring.case(0, sample()))
    assert past.pixel_km == used
