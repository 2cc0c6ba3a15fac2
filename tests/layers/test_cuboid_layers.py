import math

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers import initialise
from mindcast.layers.activation import make_activation
from mindcast.layers.convolution import Conv2d
from mindcast.layers.cuboid_attention import AttentionOptions, CuboidSelfAttention, penalty
from mindcast.layers.cuboid_global import GlobalCuboidSelfAttention, GlobalOptions
from mindcast.layers.cuboid_global_stack import GlobalCuboidStack
from mindcast.layers.cuboid_patterns import Cuboid, axial
from mindcast.layers.cuboid_stack import CuboidStack, StackOptions
from mindcast.layers.dense import Dense
from mindcast.layers.embedding import SinusoidalEmbedding
from mindcast.layers.feed_forward import FeedForward
from mindcast.layers.patch import PatchMerging
from mindcast.layers.set_attention import SetAttention
from mindcast.layers.softmax import BiasedSoftmax
from mindcast.layers.time_resblock import TimeResBlock

OPTIONS = AttentionOptions(heads=2)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def stirred(cell, seed=1):
    rng = np.random.default_rng(seed)
    for parameter in cell.get_parameters():
        values = rng.normal(size=parameter.shape).astype(np.float32)
        parameter.set_data(Tensor(0.5 * values))
    return cell


def test_dense_and_its_gradients_equal_the_matrix_formulas():
    cell = stirred(Dense(3, 5))
    x, cotangent = normal(2, 4, 3), normal(2, 4, 5, seed=2)
    weight = cell.weight.asnumpy()

    def loss(value):
        return (cell(value) * Tensor(cotangent)).sum()

    np.testing.assert_allclose(
        cell(Tensor(x)).asnumpy(), x @ weight.T + cell.bias.asnumpy(), atol=1e-5
    )
    dx, (dw, db) = ms.grad(loss, 0, cell.trainable_params())(Tensor(x))
    np.testing.assert_allclose(dx.asnumpy(), cotangent @ weight, atol=1e-5)
    flat = cotangent.reshape(-1, 5)
    np.testing.assert_allclose(dw.asnumpy(), flat.T @ x.reshape(-1, 3), atol=1e-5)
    np.testing.assert_allclose(db.asnumpy(), flat.sum(0), atol=1e-5)


def test_gelu_and_its_slope_are_exact_to_a_millionth(kernels):
    x = np.concatenate([np.linspace(-8, 8, 1001), [-50, 50]]).astype(np.float32)
    phi = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float64)])
    density = np.exp(-0.5 * x.astype(np.float64) ** 2) / math.sqrt(2 * math.pi)
    gelu = make_activation("gelu")
    np.testing.assert_allclose(gelu(Tensor(x)).asnumpy(), x * phi, atol=2e-6)
    slope = ms.grad(lambda value: gelu(value).sum())(Tensor(x)).asnumpy()
    np.testing.assert_allclose(slope, phi + x * density, atol=3e-6)


def test_the_form_for_other_devices_gives_the_same_numbers(monkeypatch):
    x, fast = Tensor(normal(6, 3)), stirred(Dense(3, 5))
    monkeypatch.setattr("mindcast.layers.dense.on_cpu", lambda: False)
    plain = stirred(Dense(3, 5))
    np.testing.assert_allclose(fast(x).asnumpy(), plain(x).asnumpy(), atol=2e-6)
    slopes = [ms.grad(lambda v, cell=cell: (cell(v) * cell(v)).sum())(x) for cell in (fast, plain)]
    np.testing.assert_allclose(slopes[0].asnumpy(), slopes[1].asnumpy(), atol=1e-4)


def test_a_leaky_activation_scales_what_is_negative_and_keeps_what_is_no_number():
    leaky = make_activation("leaky")
    x = np.array([-3, -0.5, 0.5, 3, np.nan], np.float32)
    np.testing.assert_allclose(leaky(Tensor(x)).asnumpy(), np.where(x < 0, 0.1 * x, x), rtol=1e-6)
    slope = ms.grad(lambda value: leaky(value).sum())(Tensor(x[:4])).asnumpy()
    np.testing.assert_allclose(slope, [0.1, 0.1, 1, 1], rtol=1e-6)


def test_unknown_activation_is_refused_with_the_names():
    with pytest.raises(ValueError, match="'tanh', expected one of gelu, leaky, relu, silu"):
        make_activation("tanh")


def test_same_seed_builds_same_weights_and_other_seed_others():
    def build(seed):
        ms.set_seed(seed)
        return Dense(3, 4).weight.asnumpy(), Dense(3, 4).weight.asnumpy()

    first, second = build(3)
    np.testing.assert_array_equal(build(3)[0], first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(build(4)[0], first)


def test_starting_values_have_the_spread_they_claim():
    ms.set_seed(0)
    # a uniform in +-1/sqrt(16) has standard deviation 0.25/sqrt(3) = 0.1443
    uniform = initialise.uniform_fan_in((200, 200), 16).asnumpy()
    assert np.abs(uniform).max() <= 0.25
    assert uniform.std() == pytest.approx(0.1443, rel=0.02)
    dense = initialise.start_normal(Dense(64, 500))
    assert dense.weight.asnumpy().std() == pytest.approx(1 / 8, rel=0.02)
    assert not dense.bias.asnumpy().any()
    conv = initialise.start_kaiming(Conv2d(50, 32, 3), slope=0.5)
    # variance 2 / (1 + 0.25) over the fan out, 32 * 9 = 288
    assert conv.weight.asnumpy().std() == pytest.approx((1.6 / 288) ** 0.5, rel=0.02)
    assert not conv.bias.asnumpy().any()


def test_blocks_start_as_the_identity(kernels):
    x = Tensor(normal(2, 2, 4, 4, 8))
    stack = CuboidStack(8, (2, 4, 4), [Cuboid((2, 2, 2))], StackOptions(OPTIONS))
    np.testing.assert_array_equal(stack(x).asnumpy(), x.asnumpy())
    block, step = TimeResBlock(8, 8, 6), Tensor(normal(2, 6))
    video = x.transpose(0, 4, 1, 2, 3)
    np.testing.assert_array_equal(block(video, step).asnumpy(), video.asnumpy())


def test_attention_stays_within_its_cuboid(kernels):
    cell = stirred(CuboidSelfAttention(4, (1, 2, 4), Cuboid((1, 2, 2)), OPTIONS))
    x = normal(8, 4)
    moved = x.copy()
    moved[0] += normal(4, seed=3)  # token (0, 0, 0): its cuboid has columns 0 and 1 of both rows
    change = np.abs((cell(Tensor(moved)) - cell(Tensor(x))).asnumpy()).max(1)
    assert (change > 1e-6).tolist() == [True, True, False, False] * 2


def test_attention_equals_its_formula_for_one_cuboid(kernels):
    cell = stirred(CuboidSelfAttention(4, (1, 1, 3), Cuboid((1, 1, 3)), OPTIONS))
    weights = {p.name: p.asnumpy() for p in cell.get_parameters()}
    x = normal(3, 4)
    y = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    y = y * weights["norm.weight"] + weights["norm.bias"]
    q, k, v = np.split(y @ weights["qkv.weight"].T, 3, 1)
    offset = np.arange(3)[:, None] - np.arange(3) + 2
    mixed = []
    for head in range(2):
        part = slice(2 * head, 2 * head + 2)
        bias = weights["relative_position_bias_table"][offset, head]
        scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(2) + bias)
        mixed.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
    expected = np.concatenate(mixed, 1) @ weights["proj.weight"].T + weights["proj.bias"]
    np.testing.assert_allclose(cell(Tensor(x)).asnumpy(), expected, atol=1e-5)


def test_ignored_padding_leaves_the_real_tokens_as_if_alone(kernels):
    block = Cuboid((1, 1, 4))
    ignoring = AttentionOptions(heads=2, padding="ignore")
    # a grid of 6 in blocks of 4 is padded by 2; the last two tokens attend to each other only
    long = stirred(CuboidSelfAttention(4, (1, 1, 6), block, ignoring))
    short = stirred(CuboidSelfAttention(4, (1, 1, 2), Cuboid((1, 1, 4)), ignoring))
    x = normal(6, 4)
    # the clipped block of the short grid reads other rows of the bias table: make the table flat
    for cell in (long, short):
        cell.relative_position_bias_table.set_data(Tensor(np.zeros((7, 2), np.float32)))
    np.testing.assert_allclose(
        long(Tensor(x)).asnumpy()[4:], short(Tensor(x[4:])).asnumpy(), atol=1e-5
    )


def test_gradients_agree_in_graph_mode(kernels):
    cuboids = [Cuboid((1, 2, 4), "lll", (0, 0, 2))]
    options = StackOptions(AttentionOptions(heads=2, padding="ignore"))
    cell = stirred(CuboidStack(4, (1, 2, 6), cuboids, options))
    x = Tensor(normal(1, 1, 2, 6, 4))

    def energy(value):
        out = cell(value)
        return (out * out).sum()

    both = ms.grad(energy, 0, cell.trainable_params())
    (dx, dw), (graph_dx, graph_dw) = both(x), ms.jit(both)(x)
    for graph, eager in zip((graph_dx, *graph_dw), (dx, *dw), strict=True):
        scale = np.abs(eager.asnumpy()).max()
        np.testing.assert_allclose(graph.asnumpy(), eager.asnumpy(), atol=1e-4 * scale + 1e-5)


def test_half_precision_mask_does_not_overflow(kernels):
    shape = (1, 1, 6)
    cut = geometry.effective(Cuboid((1, 1, 4), "lll", (0, 0, 2)), shape)
    mask = penalty(geometry.attention_mask(shape, cut, "zeros"))
    assert mask.asnumpy().min() < np.finfo(np.float16).min
    scores = Tensor(normal(2 * len(mask), 2, 4, 4), ms.float16)
    weights = BiasedSoftmax(0.5)(scores, None, mask)
    assert weights.dtype == ms.float16
    np.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=2e-3)
    members = Tensor(geometry.gather_index(shape, cut, "zeros").astype(np.int32))
    if kernels:
        rows = Tensor(normal(2, 6, 12), ms.float16)
        mixed = SetAttention(2, 0.5, mask.asnumpy())(rows, members)
        assert mixed.dtype == ms.float16
        assert np.isfinite(mixed.asnumpy()).all()


def test_global_vectors_carry_messages_between_cuboids(kernels):
    cell = stirred(
        GlobalCuboidSelfAttention(
            4, (1, 1, 4), Cuboid((1, 1, 2)), OPTIONS, GlobalOptions(2, True, True)
        )
    )
    x, vectors = Tensor(normal(4, 4)), Tensor(normal(1, 3, 8))
    before, summary = cell(x, vectors)
    assert summary.shape == (1, 3, 8)
    after, _ = cell(x, vectors + 1.0 * Tensor(normal(1, 3, 8, seed=5)))
    assert np.abs((after - before).asnumpy()).max(1).min() > 1e-6


@pytest.mark.parametrize("after_each", [True, False])
def test_a_stack_passes_tokens_and_global_vectors_from_layer_to_layer(after_each):
    options = StackOptions(OPTIONS, ffn_after_each=after_each)
    stack = stirred(GlobalCuboidStack(4, (2, 2, 3), axial(2, 2, 3), options, GlobalOptions()))
    x, vectors = Tensor(normal(1, 2, 2, 3, 4)), Tensor(normal(1, 2, 4, seed=1))
    rows, summary = x.reshape(-1, 4), vectors
    for k in range(3):
        d_rows, d_summary = stack.attn_l[k](rows, summary)
        rows, summary = rows + d_rows, summary + d_summary
        if after_each or k == 2:
            rows = stack.ffn_l[k if after_each else 0](rows)
    got, got_summary = stack(x, vectors)
    np.testing.assert_allclose(got.asnumpy().reshape(-1, 4), rows.asnumpy(), atol=1e-5)
    np.testing.assert_allclose(got_summary.asnumpy(), summary.asnumpy(), atol=1e-5)
    assert len(stack.ffn_l) == (3 if after_each else 1)


def test_shared_projections_of_another_width_are_refused():
    with pytest.raises(ValueError, match="width_ratio = 2 without separate_projections"):
        GlobalCuboidSelfAttention(
            4, (1, 1, 4), Cuboid((1, 1, 2)), OPTIONS, GlobalOptions(2, False, False)
        )


def test_sinusoid_starts_with_the_cosines():
    embedding = SinusoidalEmbedding(5)(Tensor([0, 3], ms.int32)).asnumpy()
    # frequencies 1 and 10000^(-1/2) = 0.01, then the zero of an odd width
    expected = [math.cos(3), math.cos(0.03), math.sin(3), math.sin(0.03), 0]
    np.testing.assert_allclose(embedding[0], [1, 1, 0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(embedding[1], expected, atol=1e-6)


def test_patches_may_be_padded_in_time_alone():
    cell = PatchMerging(2, 3, (3, 4, 4), (2, 2, 2), "zeros")
    assert cell(Tensor(normal(2, 3, 4, 4, 2))).shape == (2, 2, 2, 2, 3)


@pytest.mark.parametrize(("channels", "acts"), [(32, False), (64, True)])
def test_added_step_survives_the_norm_only_with_several_channels_a_group(channels, acts):
    block = stirred(TimeResBlock(channels, channels, 4, dimensions=2))
    x = Tensor(normal(1, channels, 3, 3))
    answers = [block(x, Tensor(normal(1, 4, seed=s))).asnumpy() for s in (1, 2)]
    change = np.abs(answers[0] - answers[1]).max() / np.abs(answers[0]).max()
    assert (change > 1e-3) == acts


def test_post_norm_output_is_normalised():
    y = FeedForward(8, 16, pre_norm=False)(Tensor(normal(5, 8))).asnumpy()
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(1), 1, atol=1e-4)
