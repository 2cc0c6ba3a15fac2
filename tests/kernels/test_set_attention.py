from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.set_attention import LARGEST_SET, fits
from tests.kernels.attention import ATTENTIONS, HEADS, SAMPLES, Problem

DROPPING = Problem(volume=5, sets=3, depth=4, empty=2, biased=True, dropout=0.4)


@pytest.fixture(autouse=True)
def with_kernels(switch):
    switch(True)


@pytest.fixture(params=ATTENTIONS)
def problem(request):
    return ATTENTIONS[request.param]


def slopes(problem, factors=None, step=1e-5):
    """Central differences in float64 at a few entries: ((which, index, slope), ...)."""
    rng, a = np.random.default_rng(1), problem.arrays

    def energy(rows, bias):
        return (problem.formula(rows, bias, factors) * a["cotangent"]).sum()

    for which, name in enumerate(("rows", "bias")[: 1 + problem.biased]):
        for flat in rng.choice(a[name].size, 6, replace=False) if a[name].size > 6 else range(2):
            index = np.unravel_index(flat, a[name].shape)
            sides = []
            for sign in (1, -1):
                moved = {n: a[n].copy() for n in ("rows", "bias")}
                moved[name][index] += sign * step
                sides.append(energy(moved["rows"], moved["bias"]))
            yield which, index, (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients_are_those_of_the_formula(problem, compiled):
    y, *gradients = problem.outcome(compiled)
    expected = problem.formula(problem.arrays["rows"], problem.arrays["bias"])
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    for which, index, slope in slopes(problem):
        assert gradients[which][index] == pytest.approx(slope, rel=1e-4, abs=2e-5)


def mask_of(problem):
    """The factors of the softmax's weights that dropout gives: read off values that are units."""
    # with equal scores every weight is 1 / V; the value of token j is the j-th unit vector
    v = problem.volume
    plain = Problem(volume=v, sets=1, depth=v, dropout=problem.dropout)
    rows = np.zeros((1, v, 3, HEADS, v), np.float32)
    rows[0, :, 2] = np.eye(v)[:, None]
    members = Tensor(np.arange(v, dtype=np.int32)[None])
    y = plain.layer()(Tensor(rows.reshape(1, v, -1)), members).asnumpy()
    return y.reshape(v, HEADS, v) * v


def test_dropout_zeroes_its_share_of_the_weights_and_scales_up_the_others():
    factors = mask_of(Problem(volume=60, dropout=0.4))
    kept = factors != 0
    np.testing.assert_allclose(factors[kept], 1 / 0.6, rtol=1e-5)
    # 7200 draws: the share's standard deviation is sqrt(0.4 * 0.6 / 7200) = 0.006
    assert kept.mean() == pytest.approx(0.6, abs=0.025)
    assert (kept[:, 0] == kept[:, 1]).mean() == pytest.approx(0.52, abs=0.04)  # heads differ


def test_the_gradient_goes_through_the_weights_that_dropout_kept():
    # mixed values are linear in the values: their gradient is the transpose of the same mask
    layer, (rows, members, bias, _) = DROPPING.layer(), DROPPING.inputs()
    fixed = Tensor(DROPPING.arrays["cotangent"].astype(np.float32))

    def energy(rows):
        return (layer(rows, members, bias) * fixed).sum()

    y, dx = layer(rows, members, bias), ms.grad(energy)(rows)
    channels = rows.shape[2] // 3
    inner = (dx.asnumpy() * rows.asnumpy())[..., 2 * channels :].sum()
    assert inner == pytest.approx(float((y * fixed).sum().asnumpy()), rel=1e-4)


def test_gradients_with_dropout_are_finite_differences_with_the_mask_held():
    # the key is read off the first entries: with more of them than that, later ones move alone
    problem = replace(DROPPING, sets=200, volume=5)
    layer, (rows, members, bias, _) = problem.layer(), problem.inputs()
    assert rows[0].size > 4096
    fixed = Tensor(problem.arrays["cotangent"].astype(np.float32))

    def energy(rows, bias):
        return (layer(rows, members, bias) * fixed).sum()

    d_rows, d_bias = ms.grad(energy, (0, 1))(rows, bias)
    rng = np.random.default_rng(2)
    along = rng.normal(size=rows.shape).astype(np.float32)
    along[0] = 0  # the first sample holds the key
    along_bias = rng.normal(size=bias.shape).astype(np.float32)
    for step_rows, step_bias in ((along, 0 * along_bias), (0 * along, along_bias)):
        expected = (d_rows.asnumpy() * step_rows).sum() + (d_bias.asnumpy() * step_bias).sum()
        sides = []
        for sign in (1e-2, -1e-2):
            moved = rows + Tensor(sign * step_rows), bias + Tensor(sign * step_bias)
            y = layer(moved[0], members, moved[1]).asnumpy().astype(np.float64)
            sides.append((y * problem.arrays["cotangent"]).sum())
        # float32 sums of 12000 terms of order 1, divided by 0.02; third derivatives times 1e-4
        assert (sides[0] - sides[1]) / 2e-2 == pytest.approx(expected, rel=5e-3, abs=0.2)


def test_the_mask_is_a_function_of_input_and_seed_in_graph_and_out_of_it():
    for one, other in zip(DROPPING.outcome(), DROPPING.outcome(compiled=True), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_nothing_is_dropped_in_evaluation():
    layer = DROPPING.layer().set_train(False)
    rows, members, bias, _ = DROPPING.inputs()
    expected = replace(DROPPING, dropout=0.0).formula(
        DROPPING.arrays["rows"], DROPPING.arrays["bias"]
    )
    np.testing.assert_allclose(layer(rows, members, bias).asnumpy(), expected, atol=1e-5)


def test_a_sample_does_not_depend_on_the_batch_that_it_is_in(problem):
    layer, (rows, members, bias, alone) = problem.layer(), problem.inputs()
    together = layer(rows, members, bias, alone).asnumpy()
    for n in range(SAMPLES):
        own = None if alone is None else alone[n : n + 1]
        np.testing.assert_array_equal(
            layer(rows[n : n + 1], members, bias, own).asnumpy()[0], together[n]
        )


def test_not_a_number_stays_within_its_set():
    problem = ATTENTIONS["attention with empty places"]
    layer, (rows, members, bias, _) = problem.layer(), problem.inputs()
    given = rows.asnumpy().copy()
    given[1, 4, HEADS * problem.depth + 2] = np.nan  # in a key, which every query of the set meets
    y = layer(Tensor(given), members, bias).asnumpy()
    own = next(s for s in problem.arrays["members"] if 4 in s)
    spread = np.unique(np.argwhere(np.isnan(y))[:, :2], axis=0)
    assert set(spread[:, 0]) == {1}
    assert set(spread[:, 1]) == {int(row) for row in own if row < rows.shape[1]}


def test_half_precision_goes_in_and_comes_out():
    problem = ATTENTIONS["attention with bias"]
    layer, (rows, members, bias, _) = problem.layer(), problem.inputs()
    y = layer(rows.astype(ms.float16), members, bias)
    assert y.dtype == ms.float16
    expected = problem.formula(problem.arrays["rows"], problem.arrays["bias"])
    np.testing.assert_allclose(y.asnumpy(), expected, atol=1e-2)


def test_large_sets_and_other_devices_are_left_to_the_public_operators(switch):
    assert fits(LARGEST_SET)
    assert not fits(LARGEST_SET + 1)
    switch(False)
    assert not fits(1)
