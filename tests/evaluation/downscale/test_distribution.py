import numpy as np
import pytest

from mindcast.evaluation.downscale.distribution import PERCENTAGES, Quantiles
from tests.evaluation.downscale.fields import entries, target_of


def test_quantiles_are_numpy_s_to_a_bin():
    rng = np.random.default_rng(0)
    field, truth = 260 + 10 * rng.standard_normal((2, 3, 2, 32, 32))
    score = Quantiles(2)
    for case in range(3):
        score.update(field[case : case + 1], target_of(truth[case : case + 1]))
    found = entries(score)
    for percentage in PERCENTAGES:
        for suffix, values in (("", field), ("_truth", truth)):
            entry = found[f"quantile_{percentage:g}{suffix}"]
            per_level = np.percentile(values, percentage, axis=(0, 2, 3), method="inverted_cdf")
            assert entry.values == pytest.approx(tuple(per_level), abs=0.0101)
            overall = np.percentile(values, percentage, method="inverted_cdf")
            assert entry.overall == pytest.approx(overall, abs=0.0101)


def test_weights_count_and_what_is_below_ground_does_not():
    truth = np.full((1, 1, 4, 4), 250.0)
    truth[..., :2] = 300
    weight = np.ones((*truth.shape, 1))
    weight[:, :, :, :2] = 0
    score = Quantiles(1)
    score.update(truth, target_of(truth, weight=weight))
    assert entries(score)["quantile_99.9"].overall == pytest.approx(250, abs=0.0101)


def test_values_beyond_the_histogram_count_at_its_end_and_nan_is_shown():
    truth = np.full((1, 2, 4, 4), 250.0)
    field = truth.copy()
    field[:, 0] = 1000
    field[0, 1, 0, 0] = np.nan
    score = Quantiles(2)
    score.update(field, target_of(truth))
    found = entries(score)["quantile_50"]
    assert found.values[0] == pytest.approx(350, abs=0.0101)
    assert np.isnan(found.values[1])
    assert np.isnan(found.overall)
