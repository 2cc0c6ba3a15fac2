import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.norm import BatchNorm, GroupNorm, JoinedGroupNorm, LayerNorm


def normalise(x, axes, eps):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True) + eps)


def layer_norm(x, weight, bias, eps=1e-5):
    return normalise(x, -1, eps) * weight + bias


def group_norm(groups):
    def apply(x, weight, bias, eps=1e-5):
        blocks = x.reshape(x.shape[0], groups, -1)
        affine = (1, -1, *[1] * (x.ndim - 2))
        return normalise(blocks, -1, eps).reshape(x.shape) * weight.reshape(affine) + bias.reshape(
            affine
        )

    return apply


def batch_norm(x, weight, bias, eps=1e-5):
    affine = (1, -1, 1, 1)
    return normalise(x, (0, 2, 3), eps) * weight.reshape(affine) + bias.reshape(affine)


def numerical_gradients(function, arguments, cotangent, step=1e-4):
    """Central differences of sum(function * cotangent) in float64."""
    gradients = []
    for position, array in enumerate(arguments):
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = [a.copy() for a in arguments]
                moved[position][index] += sign * step
                sides.append((function(*moved) * cotangent).sum())
            gradient[index] = (sides[0] - sides[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


CASES = [
    (lambda: LayerNorm(6), layer_norm, (2, 3, 6)),
    (lambda: GroupNorm(2, 4), group_norm(2), (2, 4, 3, 2)),
    (lambda: GroupNorm(3, 3), group_norm(3), (2, 3, 2, 2, 3)),
    (lambda: GroupNorm(2, 4), group_norm(2), (3, 4, 5)),
    (lambda: BatchNorm(2).set_train(True), batch_norm, (3, 2, 2, 2)),
]


@pytest.mark.parametrize(("build", "reference", "shape"), CASES)
@pytest.mark.parametrize("compiled", [False, True])
def test_norm_and_its_gradients_equal_the_formula(build, reference, shape, compiled, kernels):
    cell, rng = build(), np.random.default_rng(0)
    channels = cell.weight.shape[0]
    x, cotangent = rng.normal(1.0, 2.0, shape), rng.normal(size=shape)
    weight, bias = rng.normal(size=channels), rng.normal(size=channels)
    cell.weight.set_data(Tensor(weight, ms.float32))
    cell.bias.set_data(Tensor(bias, ms.float32))
    fixed = Tensor(cotangent, ms.float32)

    def loss(x):
        y = cell(x)
        return (y * fixed).sum(), y

    step = ms.value_and_grad(loss, 0, cell.trainable_params(), has_aux=True)
    (_, y), (dx, dw) = (ms.jit(step) if compiled else step)(Tensor(x, ms.float32))
    np.testing.assert_allclose(y.asnumpy(), reference(x, weight, bias), atol=2e-6)
    expected = numerical_gradients(reference, [x, weight, bias], cotangent)
    for got, want in zip((dx, *dw), expected, strict=True):
        np.testing.assert_allclose(got.asnumpy(), want, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize(
    ("build", "reference", "shape"),
    [
        (lambda: LayerNorm(256), layer_norm, (64, 256)),
        (lambda: GroupNorm(4, 8), group_norm(4), (2, 8, 32, 32)),
        (lambda: BatchNorm(8).set_train(True), batch_norm, (2, 8, 32, 32)),
    ],
)
def test_norm_keeps_its_accuracy_where_the_mean_is_a_hundred_times_the_deviation(
    build, reference, shape, kernels
):
    # float32 numbers near 100 are 7.6e-6 apart, so entries of order 1 can be right to about 1e-5;
    # a variance from E[x^2] - mean^2 would be wrong by 1e-3.
    x = np.random.default_rng(1).normal(100.0, 1.0, shape).astype(np.float32)
    cell = build()
    channels = cell.weight.shape[0]
    expected = reference(x.astype(np.float64), np.ones(channels), np.zeros(channels))
    np.testing.assert_allclose(cell(Tensor(x)).asnumpy(), expected, atol=3e-5)


def test_batch_norm_moves_running_statistics_by_a_tenth_towards_the_unbiased_ones():
    # Two values a channel: mean 2, unbiased variance ((1-2)^2 + (3-2)^2) / 1 = 2.
    cell = BatchNorm(1).set_train(True)
    x = Tensor(np.array([1.0, 3.0], np.float32).reshape(2, 1, 1, 1))
    cell(x)
    assert cell.running_mean.asnumpy() == pytest.approx(0.1 * 2)
    assert cell.running_var.asnumpy() == pytest.approx(0.9 * 1 + 0.1 * 2)
    cell.set_train(False)
    # Evaluation: (x - 0.2) / sqrt(1.1 + 1e-5), and nothing moves.
    expected = (np.array([1.0, 3.0]) - 0.2) / np.sqrt(1.1 + 1e-5)
    np.testing.assert_allclose(cell(x).asnumpy().ravel(), expected, rtol=1e-6)
    assert cell.running_mean.asnumpy() == pytest.approx(0.2)


def test_norm_parameters_carry_the_names_of_the_reference():
    assert [p.name for p in GroupNorm(1, 2).get_parameters()] == ["weight", "bias"]
    assert [p.name for p in LayerNorm(2).get_parameters()] == ["weight", "bias"]
    names = ["weight", "bias", "running_mean", "running_var"]
    assert [p.name for p in BatchNorm(2).get_parameters()] == names


def test_joined_norm_equals_the_norms_of_its_parts(kernels):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(2, 4, 3, 2)).astype(np.float32) for _ in range(3)]
    affine = [rng.normal(size=(2, 4)).astype(np.float32) for _ in range(3)]
    expected = [group_norm(2)(part, *pair) for part, pair in zip(parts, affine, strict=True)]
    weight, bias = (np.concatenate([pair[k] for pair in affine]) for k in (0, 1))
    together = JoinedGroupNorm(6)(Tensor(np.concatenate(parts, 1)), Tensor(weight), Tensor(bias))
    np.testing.assert_allclose(together.asnumpy(), np.concatenate(expected, 1), atol=1e-5)


def test_factor_and_shift_of_each_sample_act_before_the_activation(kernels):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 6, 3, 5)).astype(np.float32)
    factor, shift = rng.normal(size=(2, 2, 6)).astype(np.float32)
    weight, bias = rng.normal(size=(2, 6)).astype(np.float32)
    cell = GroupNorm(3, 6, silu=True)
    cell.weight.set_data(Tensor(weight))
    cell.bias.set_data(Tensor(bias))
    spread = (slice(None), slice(None), None, None)
    moved = factor[spread] * group_norm(3)(x, weight, bias) + shift[spread]
    got = cell(Tensor(x), Tensor(factor), Tensor(shift)).asnumpy()
    np.testing.assert_allclose(got, moved / (1 + np.exp(-moved)), atol=3e-6)
