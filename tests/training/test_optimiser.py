import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindcast.training.optimiser import AdamW, clipping, decayed

SHAPES = {"weight": (3, 4), "bias": (4,)}


def parameters():
    rng = np.random.default_rng(1)
    return [
        Parameter(Tensor(rng.standard_normal(shape, np.float32)), name=name)
        for name, shape in SHAPES.items()
    ]


def gradients_of(step):
    rng = np.random.default_rng(10 + step)
    return [rng.standard_normal(shape, np.float32) for shape in SHAPES.values()]


def scalar(value):
    return Tensor(np.float32(value))


def adamw_float64(values, betas, eps, weight_decays, learning_rate, steps):
    """Loshchilov and Hutter 2019, algorithm 2, with the decay first."""
    values = [v.astype(np.float64) for v in values]
    m, v = ([np.zeros_like(x) for x in values] for _ in range(2))
    for step in range(1, steps + 1):
        for i, g in enumerate(gradients_of(step)):
            values[i] *= 1 - learning_rate * weight_decays[i]
            m[i] = betas[0] * m[i] + (1 - betas[0]) * g
            v[i] = betas[1] * v[i] + (1 - betas[1]) * g.astype(np.float64) ** 2
            m_hat, v_hat = m[i] / (1 - betas[0] ** step), v[i] / (1 - betas[1] ** step)
            values[i] -= learning_rate * m_hat / (np.sqrt(v_hat) + eps)
    return values


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("betas", "eps", "decay", "factor"),
    [((0.9, 0.999), 1e-8, 0.3, 1.0), ((0.9, 0.999), 1e-8, 0.3, 0.1), ((0.5, 0.9), 0.1, 0.0, 1.0)],
)
def test_steps_agree_with_float64(compiled, betas, eps, decay, factor):
    weights = parameters()
    expected = adamw_float64([w.asnumpy() for w in weights], betas, eps, (decay, 0), 0.05, 3)
    optimiser = AdamW(weights, betas, decay, eps=eps, rate_factor=factor)

    def step(gradients, *scalars):
        return optimiser(gradients, *scalars)

    run = ms.jit(step) if compiled else step
    for k in range(1, 4):
        gradients = tuple(Tensor(4 * g) for g in gradients_of(k))
        powers = [scalar(beta**k) for beta in betas]
        run(gradients, scalar(0.05 / factor), *powers, scalar(0.25))
    for weight, value in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight.asnumpy(), value, rtol=2e-5, atol=2e-6)


def test_moments_are_named_after_their_parameter():
    optimiser = AdamW(parameters(), prefix="denoiser")
    assert [p.name for p in optimiser.state()] == [
        "denoiser.moment1.weight",
        "denoiser.moment1.bias",
        "denoiser.moment2.weight",
        "denoiser.moment2.bias",
    ]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("down_self_blocks.0.0.attn_l.0.qkv.weight", (6, 2), True),
        ("first_proj.in_layers.2.weight", (4, 2, 3, 3, 3), True),
        ("time_embed.layer.0.weight", (4, 4), True),
        ("final_proj.bias", (4,), False),
        ("down_self_blocks.0.0.attn_l.0.norm.weight", (4,), False),
        ("logvar", (100,), False),
        ("downs.0.0.block1.norm.gamma", (4, 1, 1, 1), False),
        ("time_rel_pos_bias.relative_attention_bias.weight", (32, 8), False),
        ("pos_embed.T_embed.weight", (5, 4), False),
        ("out.2.positional_embedding", (4, 9), False),
        ("down_self_blocks.0.0.attn_l.0.relative_position_bias_table", (9, 2), False),
    ],
)
def test_weight_decay_acts_on_matrices_and_kernels_only(name, shape, expected):
    assert decayed(Parameter(Tensor(np.zeros(shape, np.float32)), name=name)) is expected


def test_clipping_scales_all_gradients_to_the_limit():
    # norm of (3, 4) and 12 is 13
    gradients = (Tensor(np.float32([[3, 4]])), Tensor(np.float32([12])))
    factor, norm = clipping(gradients, 6.5, scalar(1))
    assert norm.asnumpy() == pytest.approx(13)
    assert factor.asnumpy() == pytest.approx(0.5)


def test_gradients_below_the_limit_are_left_alone():
    factor, _ = clipping((Tensor(np.float32([[0.3, 0.4]])),), 1.0, scalar(1))
    assert factor.asnumpy() == 1


def test_the_limit_holds_for_means_of_what_is_summed():
    # a sum of 4 with the norm 10: the mean has 2.5, and twice the limit
    factor, norm = clipping((Tensor(np.float32([6, 8])),), 1.25, scalar(0.25))
    assert norm.asnumpy() == pytest.approx(2.5)
    assert factor.asnumpy() == pytest.approx(0.25 * 0.5)


def test_norm_of_many_values_is_accurate_for_every_rank_and_when_compiled():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s, np.float32) for s in ((), (70_000,), (64, 3, 3, 3, 64))]
    exact = np.sqrt(sum((a.astype(np.float64) ** 2).sum() for a in arrays))

    def norm_of(*gradients):
        return clipping(gradients, 1.0, scalar(1))[1]

    for run in (norm_of, ms.jit(norm_of)):
        assert run(*[Tensor(a) for a in arrays]).asnumpy() == pytest.approx(exact, rel=1e-6)
