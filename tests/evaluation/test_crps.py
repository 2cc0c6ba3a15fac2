import numpy as np
import pytest
import xarray

from mindcast.evaluation.crps import crps


def draw(members, seed=0):
    rng = np.random.default_rng(seed)
    ensemble = rng.random((2, members, 3, 4, 4, 1), np.float32)
    return ensemble, rng.random((2, 3, 4, 4, 1), np.float32)


@pytest.mark.parametrize("fair", [True, False])
@pytest.mark.parametrize("members", [2, 3, 8])
def test_sorted_formula_is_the_sum_over_all_pairs(members, fair):
    ensemble, truth = draw(members)
    wide = ensemble.astype(np.float64)
    pairs = np.abs(wide[:, :, None] - wide[:, None]).sum(axis=(1, 2))
    expected = np.abs(wide - truth[:, None]).mean(axis=1)
    expected -= pairs / (2 * members * (members - 1 if fair else members))
    np.testing.assert_allclose(crps(ensemble, truth, fair), expected, atol=1e-12)


def test_two_members_around_the_truth():
    ensemble = np.array([0.2, 0.6]).reshape(1, 2, 1, 1, 1, 1)
    truth = np.full((1, 1, 1, 1, 1), 0.5)
    # mean |X - y| = (0.3 + 0.1) / 2, pairs: 2 x 0.4; fair 0.2 - 0.8 / 4, plain 0.2 - 0.8 / 8
    assert crps(ensemble, truth, fair=True).item() == pytest.approx(0.0, abs=1e-15)
    assert crps(ensemble, truth, fair=False).item() == pytest.approx(0.1)


@pytest.mark.parametrize("fair", [True, False])
def test_one_member_gives_the_absolute_error(fair):
    ensemble, truth = draw(1)
    np.testing.assert_allclose(crps(ensemble, truth, fair), np.abs(ensemble[:, 0] - truth))


def test_fair_estimate_does_not_depend_on_the_ensemble_size_and_the_plain_one_does():
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((1, 1, 200, 200, 1))
    # E|X - y| - 1/2 E|X - X'| of standard normals: 2 / sqrt(pi) - 1 / sqrt(pi)
    limit = 1 / np.sqrt(np.pi)
    for members in (2, 10):
        ensemble = rng.standard_normal((1, members, 1, 200, 200, 1))
        assert crps(ensemble, truth, fair=True).mean() == pytest.approx(limit, rel=0.02)
        plain = crps(ensemble, truth, fair=False).mean()
        assert plain == pytest.approx(limit * (1 + 1 / members), rel=0.02)


@pytest.mark.parametrize(("fair", "method"), [(True, "fair"), (False, "ecdf")])
def test_both_estimators_are_those_of_scores(fair, method):
    from scores.probability import crps_for_ensemble

    rng = np.random.default_rng(5)
    ensemble, truth = rng.random((6, 5, 4, 3)), rng.random((6, 4, 3))
    theirs = crps_for_ensemble(
        xarray.DataArray(ensemble, dims=("n", "member", "y", "x")),
        xarray.DataArray(truth, dims=("n", "y", "x")),
        "member",
        method=method,
        preserve_dims="all",
    )
    np.testing.assert_allclose(crps(ensemble, truth, fair), theirs.values, atol=1e-12)
