import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from mindcast.config.schema import Evaluation, Runtime
from mindcast.evaluation.downscale.target import Target
from mindcast.physics.horizontal import ROW_WEIGHT
from mindcast.physics.resample import block_mean
from mindcast.physics.statics import SIN_LATITUDE
from mindcast.refusal import Refusal
from mindcast.tasks.downscale.task import Task
from tests.cases import LEVELS, SHAPE, make_fields, place

LATITUDE = np.linspace(60, 39, 8)
FIELDS = SimpleNamespace(
    levels_hpa=LEVELS, label=lambda i: f"state_{i}", coordinates=lambda i: place(LATITUDE)
)


def task(methods=(), **options):
    run = SimpleNamespace(evaluation=Evaluation(**options), runtime=Runtime())
    return Task(FIELDS, run, SimpleNamespace(factor=4), methods)


def sample(row_weights):
    statics, metric = np.zeros((8, 12, 3)), np.ones((8, 12, 4))
    statics[..., SIN_LATITUDE] = np.sin(np.radians(LATITUDE))[:, None]
    metric[..., ROW_WEIGHT] = row_weights[:, None]
    return make_fields(statics=statics, metric=metric)


@pytest.mark.parametrize("weights", [np.ones(8), np.cos(np.radians(LATITUDE))])
def test_block_means_are_scored_with_the_weights_that_made_them(weights):
    scoring = task()
    case = scoring.case(0, sample(weights))
    np.testing.assert_allclose(Target.of(case.sample, 4).row_weights, weights, rtol=1e-6)
    scoring.score(case)
    assert list(case.forecasts) == ["bicubic", "bicubic-conservative", "bilinear"]
    means = block_mean(case.forecasts["bicubic-conservative"][np.newaxis, ..., 0], 4, weights)
    np.testing.assert_allclose(means[0], case.sample.input.temperature_lr[..., 0], rtol=1e-6)
    scores = scoring.suite.result()["rows"]["bicubic-conservative"]["scores"]
    assert scores["block_mean_rmse"]["overall"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("area_weight", [False, True])
def test_points_count_by_the_cosine_of_latitude_where_that_is_set(area_weight):
    scoring = task(("ours",), area_weight=area_weight)
    case = scoring.case(0, sample(np.ones(8)))
    error = np.zeros(SHAPE, np.float32)
    error[:, :4] = 1  # the rows nearer to the pole
    case.forecasts["ours"] = case.truth + error
    scoring.score(case)
    cosine = np.cos(np.radians(LATITUDE)) if area_weight else np.ones(8)
    expected = cosine[:4].sum() / cosine.sum()
    found = scoring.suite.result()["rows"]["ours"]["scores"]["mae"]["overall"]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_one_member_is_drawn_beside_the_deterministic_field(tmp_path):
    scoring = task(("single", "ours"))
    case = scoring.case(0, sample(np.ones(8)))
    noise = np.random.default_rng(0).standard_normal((1, *SHAPE)).astype(np.float32)
    case.forecasts = {"single": case.truth + 1, "ours": case.truth + noise}
    scoring.score(case)
    scoring.keep(case, tmp_path / "report", {})
    figures = tmp_path / "figures"
    paths = [*scoring.draw_case(case, figures), *scoring.draw(figures)]
    assert all(path.stat().st_size > 0 for path in paths)
    assert "ranks.png" in [path.name for path in paths]


def test_a_report_holds_the_kept_fields_and_all_pictures_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: path.touch())
    scoring = task(("single", "ours"))
    case = scoring.case(0, sample(np.ones(8)))
    noise = np.random.default_rng(0).standard_normal((3, *SHAPE)).astype(np.float32)
    case.forecasts = {"single": case.truth + noise[0], "ours": case.truth + noise}
    scoring.score(case)
    scoring.keep(case, tmp_path / "report", {"seed": 1})
    table = scoring.write(tmp_path / "report", {"seed": 1})
    assert "ours (mean of 3)" in table
    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["scores.csv", "scores.json", "state_0.nc"]
    assert json.loads((tmp_path / "report/scores.json").read_text())["provenance"] == {"seed": 1}
    figures = tmp_path / "figures"
    paths = [*scoring.draw_case(case, figures), *scoring.draw(figures)]
    assert [path.name for path in paths] == [
        "single_state_0.png",
        "single_state_0_section.png",
        "ours_state_0.png",
        "ours_state_0_section.png",
        "levels.png",
        "spectra.png",
        "ranks.png",
    ]
    assert sorted((tmp_path / "figures").iterdir()) == sorted(paths)


@pytest.mark.parametrize(
    ("baselines", "named"), [(("steps",), "steps"), ((), "none"), (("persistence",), "persistence")]
)
def test_baselines_of_nowcasts_are_refused(baselines, named):
    with pytest.raises(Refusal) as refused:
        task(baselines=baselines)
    assert str(refused.value) == (
        f"evaluation.baselines: {named}, which is of nowcasts; a downscaling is always scored "
        "beside bicubic, bicubic-conservative, bilinear: leave it out"
    )
