from types import SimpleNamespace

import numpy as np
import pytest

from mindcast.config.schema import Evaluation
from mindcast.data import open_split
from mindcast.models.base import Window
from mindcast.tasks.nowcast.task import Task
from tests.data.sequence_sets import settings, write

WINDOW = Window(length=5, stride=2, frame=(8, 8), context=2)


@pytest.fixture
def sequences(tmp_path):
    write(tmp_path / "a.h5")
    return open_split(settings(tmp_path / "a.h5"), "test", WINDOW)


def task(sequences, **options):
    run = SimpleNamespace(model=None, evaluation=Evaluation(pools=(1,), **options))
    spec = SimpleNamespace(window=lambda model: WINDOW)
    return Task(sequences, run, spec, ("ours",))


@pytest.mark.parametrize(
    ("options", "threshold"), [({}, 30), ({"probability_threshold": 12.5}, 12.5)]
)
def test_panels_show_the_middle_threshold_of_the_data_unless_told(
    sequences, tmp_path, monkeypatch, options, threshold
):
    drawn = []
    monkeypatch.setattr("mindcast.visualization.panels.forecast_panel", lambda *a: drawn.append(a))
    monkeypatch.setattr("mindcast.visualization.animation.forecast_animation", lambda *a: None)
    scoring = task(sequences, **options)
    scored = scoring.case(4, sequences[4][None])
    scored.score("ours", scored.truth[:, None])
    scoring.keep(scored)
    next(scoring.draw(tmp_path))
    _, case, found, label = drawn[0]
    assert (found, case.unit, case.value_scale, label) == (threshold, "dBZ", 90, "test_1_02")


def test_the_table_tells_the_unit_and_the_thresholds_of_the_data(sequences, tmp_path):
    scoring = task(sequences)
    scored = scoring.case(0, sequences[0][None])
    kept = scored.baseline("persistence")
    scored.score("persistence", kept)
    assert scored.conditioning.shape == (1, 2, 8, 8, 1)
    np.testing.assert_array_equal(kept[:, 2], scored.conditioning[:, -1])
    text = scoring.write(tmp_path, {})
    assert "+6 to +18 min. Values: dBZ 0..90" in text
    assert "thresholds 20, 30, 35, 40" in text
