import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.geodiff.losses import TERMS, LossTerms, over_batch, over_samples
from mindcast.models.geodiff.settings import LossSettings
from mindcast.models.geodiff.training_losses import area_weights
from mindcast.models.geodiff.upsampling import SHIFT_K

LEVELS, STD = (1000, 850, 500), np.array([5.0, 4.0, 3.0], np.float32)
SHAPE = (2, 3, 6, 8)
ONE = np.ones((1, 1, 1, 1), np.float32)


def fields(seed=0):
    rng = np.random.default_rng(seed)
    column = np.array([288.0, 280.0, 255.0]).reshape(1, -1, 1, 1)
    return (column + 2 * rng.normal(size=SHAPE)).astype(np.float32)


def terms(predicted, truth, above=None, area=ONE, **settings):
    above = np.ones(SHAPE, np.float32) if above is None else above
    cell = LossTerms(LEVELS, LossSettings(**settings))
    inputs = (predicted - SHIFT_K, truth - SHIFT_K, STD, above, area)
    return dict(zip(TERMS, cell(*(Tensor(a) for a in inputs)), strict=True))


def batch_means(*arguments, **settings):
    return {k: float(over_batch(t).asnumpy()) for k, t in terms(*arguments, **settings).items()}


def test_the_truth_has_no_physics_error_against_itself():
    truth = fields()
    truth[:, 0] -= 40  # over cold ground the lowest layer is stable, elsewhere
    truth[0, 1] += 30  # and here theta falls upwards: also this is no error
    values = batch_means(truth, truth)
    assert values["charbonnier"] == pytest.approx(1e-3)  # delta
    assert values["thickness"] == pytest.approx(1e-3)
    assert values["static"] == values["gradient"] == values["correlation"] == 0


def test_swapping_two_levels_is_unstable():
    truth = fields()
    assert batch_means(truth[:, [0, 2, 1]], truth)["static"] > 0.1


def test_the_share_of_unstable_pairs_counts_those_above_ground():
    field = fields()
    field[:, 0] -= 40
    field[0, 1] += 60  # theta falls upwards from here, at all points of one of the two samples
    cell, above = LossTerms(LEVELS, LossSettings()), np.ones(SHAPE, np.float32)
    above[:, 2, :, ::2] = 0
    reduced = Tensor(field - SHIFT_K)
    pairs = above[:, 1:] * above[:, :-1]
    expected = pairs[0, 1].sum() / pairs.sum()
    share = over_batch(cell.unstable(reduced, Tensor(above))).asnumpy()
    assert share == pytest.approx(expected)


def test_a_shift_of_all_levels_costs_data_and_thickness_but_no_gradient_and_no_correlation():
    truth = fields()
    values = batch_means(truth + 1, truth)
    # |e| / s, delta is negligible; layers deepen by (R/g) ln(p_k / p_{k+1}) m a kelvin
    assert values["charbonnier"] == pytest.approx((1 / STD).mean(), rel=1e-3)
    metres = 287.05 / 9.80665 * np.log([1000 / 850, 850 / 500])
    assert values["thickness"] == pytest.approx((metres / 10).mean(), rel=1e-3)
    assert values["correlation"] == pytest.approx(0, abs=1e-6)


def test_the_norm_form_is_the_root_mean_square_of_a_sample():
    truth, predicted = fields(), fields(seed=1)
    sums, counts = terms(predicted, truth, charbonnier="norm")["charbonnier"]
    error = (predicted - truth) / STD.reshape(1, -1, 1, 1)
    expected = np.sqrt((error**2).mean((1, 2, 3)))
    np.testing.assert_allclose(sums.asnumpy(), expected, rtol=1e-4)
    np.testing.assert_array_equal(counts.asnumpy(), 1)


def test_cells_below_ground_count_in_the_data_terms_alone():
    truth, predicted = fields(), fields(seed=1)
    above = np.ones(SHAPE, np.float32)
    above[0, 0] = 0
    worse = predicted.copy()
    worse[0, 0] += 50
    one, other = batch_means(predicted, truth, above), batch_means(worse, truth, above)
    assert one["static"] == other["static"]
    assert one["thickness"] == other["thickness"]
    assert one["charbonnier"] < other["charbonnier"]
    assert one["gradient"] < other["gradient"]


def test_a_sample_wholly_below_ground_gives_zero_and_no_division_by_zero():
    truth, predicted = fields(), fields(seed=1)
    above = np.ones(SHAPE, np.float32)
    above[0] = 0
    found = terms(predicted, truth, above)
    each = over_samples(found["thickness"]).asnumpy()
    assert each[0] == 0
    # the batch mean is over the counted pairs, that is over the second sample alone
    assert float(over_batch(found["thickness"]).asnumpy()) == pytest.approx(each[1], rel=1e-5)


def test_samples_and_batch_agree_where_all_counts_are_equal():
    for term in terms(fields(seed=1), fields()).values():
        each = over_samples(term).asnumpy()
        assert float(over_batch(term).asnumpy()) == pytest.approx(each.mean(), rel=1e-5)


def test_area_weights_are_cosines_with_mean_one_and_leave_a_uniform_error_alone():
    latitude = np.radians(np.linspace(40, 80, SHAPE[2]))
    sine = np.zeros((2, *SHAPE[2:], 3), np.float32)
    sine[..., 2] = np.sin(latitude)[:, None]
    area = area_weights(Tensor(sine)).asnumpy()
    np.testing.assert_allclose(area.mean((1, 2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(
        area[0, 0, :, 0] / area[0, 0, 0, 0], np.cos(latitude) / np.cos(latitude[0]), rtol=1e-5
    )
    truth = fields()
    plain, weighted = batch_means(truth + 1, truth), batch_means(truth + 1, truth, area=area)
    assert weighted["charbonnier"] == pytest.approx(plain["charbonnier"], rel=1e-5)
    polar = truth.copy()
    polar[:, :, -1] += 1  # an error at 80 degrees only
    assert (
        batch_means(polar, truth, area=area)["charbonnier"]
        < batch_means(polar, truth)["charbonnier"]
    )


def test_weights_of_the_physics_terms_add_up():
    cell = LossTerms(LEVELS, LossSettings(static=1, gradient=2, thickness=0, correlation=4))
    values = [Tensor(np.float32(v)) for v in (1, 10, 100, 1000)]
    assert float(cell.physics_total(values).asnumpy()) == 1 + 20 + 4000
