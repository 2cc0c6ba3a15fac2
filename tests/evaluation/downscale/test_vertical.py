import numpy as np
import pytest

from mindcast.evaluation.downscale.vertical import LevelCorrelation, StaticStability, ThicknessError
from tests.evaluation.downscale.fields import LEVELS, draw, entries, target_of

PRESSURE = 100 * np.array(LEVELS)


def columns(theta):
    """Fields (1, Z, 8, 8) with a potential temperature a level."""
    temperature = np.array(theta) * (np.array(LEVELS) / 1000) ** (2 / 7)
    return np.broadcast_to(temperature[:, None, None], (1, 3, 8, 8)).copy()


def test_potential_temperature_that_falls_is_unstable_by_its_slope():
    score = StaticStability(PRESSURE)
    score.update(columns([300, 298, 310]), target_of(columns([300, 301, 310])))
    found = entries(score)
    assert found["unstable_share"].values == (1, 0)
    assert found["unstable_share"].overall == 0.5
    # N = -2 K / ln(1000 / 850)
    assert found["instability"].values[0] == pytest.approx(2 / np.log(1000 / 850))
    assert found["instability"].values[1] == 0
    for name in ("unstable_share_truth", "instability_truth"):
        assert found[name].overall == 0


def test_shares_over_all_layers_count_pairs_and_leave_out_those_below_ground():
    field = columns([300, 298, 310])
    weight = np.ones((1, 3, 8, 8, 1))
    weight[:, 0, :6] = 0  # of the lower, unstable layer two rows of eight are left
    field[:, 0, :6] = np.nan
    score = StaticStability(PRESSURE)
    score.update(field, target_of(columns([300, 301, 310]), weight=weight))
    found = entries(score)["unstable_share"]
    assert found.values == (1, 0)
    assert found.overall == pytest.approx(16 / (16 + 64))


def test_one_kelvin_too_warm_is_a_layer_too_thick():
    score = ThicknessError(PRESSURE)
    truth = columns([300, 301, 310])
    field = truth.copy()
    field[:, 1] += 1  # both layers share the level: half a kelvin each
    score.update(field, target_of(truth))
    found = entries(score)["thickness_rmse"]
    metres = 287.05 / 9.80665 * 0.5 * np.log([1000 / 850, 850 / 500])
    assert found.values == pytest.approx(tuple(metres))
    assert found.overall == pytest.approx(np.sqrt((metres**2).mean()))
    assert found.axis == "layer"


def test_correlation_is_numpy_s_case_by_case():
    ensemble, truth = draw(side=8)
    score = LevelCorrelation(3)
    score.update(ensemble[:, 0], target_of(truth))
    expected, of_truth = (
        np.array(
            [
                [np.corrcoef(case[k].ravel(), case[k + 1].ravel())[0, 1] for k in range(2)]
                for case in field
            ]
        )
        for field in (ensemble[:, 0], truth)
    )
    found = entries(score)
    assert found["correlation"].values == pytest.approx(tuple(expected.mean(axis=0)), abs=1e-6)
    assert found["correlation_truth"].values == pytest.approx(
        tuple(of_truth.mean(axis=0)), abs=1e-6
    )
    difference = np.sqrt(((expected - of_truth) ** 2).mean(axis=0))
    assert found["correlation_rmse"].values == pytest.approx(tuple(difference), abs=1e-6)


def test_correlation_takes_only_the_points_that_count():
    _, truth = draw(cases=1, side=8)
    spoilt = truth.copy()
    spoilt[:, :, :4] = 999.0
    weight = np.ones((*truth.shape, 1))
    weight[:, :, :4] = 0
    whole, masked = LevelCorrelation(3), LevelCorrelation(3)
    whole.update(truth[:, :, 4:], target_of(truth[:, :, 4:]))
    masked.update(spoilt, target_of(truth, weight=weight))
    for name, entry in entries(whole).items():
        assert entries(masked)[name].values == pytest.approx(entry.values, abs=1e-9)
