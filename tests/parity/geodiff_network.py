"""Golden files of the 3-D U-Net: its tables, each of its modules, and whole networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers.channel_norm import ChannelLayerNorm
from mindcast.layers.embedding import SinesThenCosines
from mindcast.models.geodiff.attention import (
    FrameAttention,
    LevelAttention,
    LinearAttention,
    RelativePositionBias,
    Residual,
    Rotary,
)
from mindcast.models.geodiff.blocks import Downsample, ResnetBlock, RMSNorm, TransposedUpsample
from mindcast.models.geodiff.positions import (
    bucket_table,
    rotary_frequencies,
    rotation_matrices,
)
from mindcast.models.geodiff.settings import UNetSettings
from mindcast.models.geodiff.unet3d import UNet3d
from mindcast.models.geodiff.weights import to_ours
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile

MODULE, NETWORK, GRADIENT = 1e-5, 5e-5, 2e-4


class OnVolumes(nn.Cell):
    """A cell on frames as one on volumes in the reference's order (N, C, Z, H, W)."""

    def __init__(self, cell: Callable, *fixed) -> None:
        super().__init__(auto_prefix=False)
        self.cell, self.fixed = cell, fixed

    def construct(self, x, *extra):
        n, c, z, h, w = x.shape
        frames = x.transpose(0, 2, 1, 3, 4).reshape(n * z, c, h, w)
        y = self.cell(frames, *extra, *self.fixed)
        return y.reshape(n, z, *y.shape[1:]).transpose(0, 2, 1, 3, 4)


def tensor(array: np.ndarray) -> Tensor:
    return Tensor(np.asarray(array, np.float32))


def weights_of(golden: GoldenFile, prefix: str = "w/") -> dict[str, np.ndarray]:
    return to_ours("unet", golden.under(prefix))


def gradients(
    golden: GoldenFile, got: Mapping[str, np.ndarray], prefix: str = "gw/"
) -> Iterator[Comparison]:
    """Those of the parameters that the file holds."""
    expected = golden.under(prefix)
    floor = 1e-5 * max((np.abs(a).max() for a in expected.values()), default=0.0)
    for name, array in expected.items():
        yield Comparison(prefix + name, got[name], array, GRADIENT, floor)


def relative_position_bias(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    for name, expected in golden.items():
        kind, *sizes = name.split("_")
        numbers = [int(text) for text in sizes if text.isdigit()]
        defaults = (0, config["num_buckets"], config["max_distance"])
        levels, buckets, reach = (*numbers, *defaults[len(numbers) :])
        if kind == "bucket":
            got = bucket_table(levels, buckets, reach)
            yield Comparison(name, got, expected, tolerance=0)
        elif kind == "bias":
            cell = RelativePositionBias(levels, config["heads"], buckets, reach)
            load(cell, golden.under("w/"))
            yield Comparison(name, cell().asnumpy(), expected, MODULE)


def rotary(golden: GoldenFile) -> Iterator[Comparison]:
    """The file's layout is (batch, positions, heads, levels, features)."""
    x, dim = golden["x"], golden.json()["dim"]
    levels, size = x.shape[-2:]
    yield Comparison("freqs", rotary_frequencies(dim), golden["freqs"], MODULE)
    cell = Rotary(rotation_matrices(np.arange(levels), size, dim))
    ours = x.transpose(0, 3, 1, 2, 4)
    y = cell(tensor(ours.reshape(*ours.shape[:3], -1))).asnumpy().reshape(ours.shape)
    yield Comparison("y", y.transpose(0, 2, 3, 1, 4), golden["y"], MODULE)


def norms_and_time(golden: GoldenFile) -> Iterator[Comparison]:
    x, channels = tensor(golden["x"]), golden["x"].shape[1]
    for key, cell in (("ln", ChannelLayerNorm(channels)), ("rms", RMSNorm(channels))):
        load(cell, {"gamma": golden[f"{key}_gamma"]})
        yield Comparison(f"{key}_y", OnVolumes(cell)(x).asnumpy(), golden[f"{key}_y"], MODULE)
    sinusoid = SinesThenCosines(golden.json()["sin_dim"])
    y = sinusoid(Tensor(golden["t"].astype(np.int32))).asnumpy()
    yield Comparison("sin_y", y, golden["sin_y"], MODULE)


def level_attention(golden: GoldenFile) -> Iterator[Comparison]:
    config, x = golden.json(), golden["x"]
    samples, levels = x.shape[0], x.shape[2]
    attention = LevelAttention(
        config["dim"], config["heads"], config["dim_head"], np.arange(levels)
    )
    cell = load(Residual(config["dim"], attention, nested=True), weights_of(golden))
    bias = tensor(golden["pos_bias"])
    yield from values_and_gradients(golden, OnVolumes(cell, bias))
    first = np.arange(samples) == 0
    for name, extra in (
        ("y_no_bias", ()),
        ("y_focus_first_sample", (bias, tensor(first))),
        ("y_focus_all", (bias, tensor(np.ones(samples)))),
    ):
        y = OnVolumes(cell, *extra)(tensor(x)).asnumpy()
        yield Comparison(name, y, golden[name], MODULE)


def values_and_gradients(golden: GoldenFile, cell: nn.Cell) -> Iterator[Comparison]:
    (y,), (gin, *_), gw = differentiate(cell, [golden["x"]], [golden["r/y"]])
    yield Comparison("y", y, golden["y"], MODULE)
    yield Comparison("y64", y, golden["y64"], MODULE)
    yield Comparison("gin/x", gin, golden["gin/x"], GRADIENT)
    yield from gradients(golden, gw)


def frame_attention(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    attention = FrameAttention(config["dim"], config["heads"])
    cell = load(Residual(config["dim"], attention, nested=True), weights_of(golden))
    y = OnVolumes(cell)(tensor(golden["x"])).asnumpy()
    yield Comparison("y", y, golden["y"], MODULE)


def linear_attention(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    attention = LinearAttention(config["dim"], config["heads"])
    cell = load(Residual(config["dim"], attention, nested=False), weights_of(golden))
    yield from values_and_gradients(golden, OnVolumes(cell))


def up_and_down(golden: GoldenFile) -> Iterator[Comparison]:
    dim, x = golden.json()["dim"], tensor(golden["x"])
    for key, cell in (("up", TransposedUpsample(dim)), ("down", Downsample(dim))):
        load(cell, golden.under(f"{key}/"))
        yield Comparison(f"y_{key}", OnVolumes(cell)(x).asnumpy(), golden[f"y_{key}"], MODULE)


def resnet_block(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    block = ResnetBlock(config["dim"], config["dim_out"], config["time_emb_dim"], "zeros")
    cell = OnVolumes(load(block, weights_of(golden)))
    inputs = [golden["x"], golden["t_emb"]]
    (y,), (gin, g_step), gw = differentiate(cell, inputs, [golden["r/y"]])
    yield Comparison("y", y, golden["y"], MODULE)
    yield Comparison("y64", y, golden["y64"], MODULE)
    yield Comparison("gin/x", gin, golden["gin/x"], GRADIENT)
    yield Comparison("grad_t_emb", g_step, golden["grad_t_emb"], GRADIENT)
    yield from gradients(golden, gw)
    plain = ResnetBlock(config["dim"], config["dim"], None, "zeros")
    load(plain, weights_of(golden, "w2/"))
    y2 = OnVolumes(plain)(tensor(golden["x"])).asnumpy()
    yield Comparison("y2", y2, golden["y2"], MODULE)


class VolumeNetwork(nn.Cell):
    """The network in the reference's order (N, C, Z, H, W)."""

    def __init__(self, unet: UNet3d) -> None:
        super().__init__(auto_prefix=False)
        self.unet = unet

    def construct(self, x, t, condition=None, null=None, focus=None):
        y = self.unet(x.transpose(0, 2, 1, 3, 4), t, (), condition, null, focus)
        return y.transpose(0, 2, 1, 3, 4)


OPTIONS = {  # theirs -> ours
    "dim": "dim",
    "dim_mults": "multiples",
    "attn_heads": "heads",
    "attn_dim_head": "head_size",
    "use_sparse_linear_attn": "linear_attention",
    "init_kernel_size": "first_kernel",
}


def network_of(golden: GoldenFile) -> VolumeNetwork:
    """The file's network with its weights loaded."""
    config = golden.json()
    settings = UNetSettings(**{o: config[t] for t, o in OPTIONS.items() if t in config})
    channels = config["channels"]
    unet = UNet3d(
        settings,
        channels,
        config.get("out_dim") or channels,
        np.arange(golden["x"].shape[2]),
        conditioning_width=config.get("cond_dim") or 0,
    )
    return VolumeNetwork(load(unet, weights_of(golden)))


def network(golden: GoldenFile) -> Iterator[Comparison]:
    """The gradients are those of mean(y * cotangent)."""
    cell, cotangent = network_of(golden), golden["r/y"]
    inputs = [golden["x"], golden["t"]]
    (y,), (gin, *_), gw = differentiate(cell, inputs, [cotangent / cotangent.size])
    yield Comparison("y", y, golden["y"], NETWORK)
    yield Comparison("y64", y, golden["y64"], NETWORK)
    yield Comparison("loss", np.mean(y * cotangent), golden["loss"], NETWORK, floor=1e-6)
    yield Comparison("gin/x", gin, golden["gin/x"], GRADIENT)
    yield from gradients(golden, gw)
    x, t = tensor(golden["x"]), Tensor(golden["t"].astype(np.int32))
    focus = tensor(np.ones(len(golden["x"])))
    y = cell(x, t, None, None, focus).asnumpy()
    yield Comparison("y_focus_all", y, golden["y_focus_all"], NETWORK)
    yield from intermediates(golden, cell.unet, x, t)


def intermediates(golden: GoldenFile, unet: UNet3d, x: Tensor, t: Tensor) -> Iterator[Comparison]:
    n, _, z, height, width = x.shape
    bias = unet.time_rel_pos_bias()
    frames = x.transpose(0, 2, 1, 3, 4).reshape(n * z, -1, height, width)
    got = {"init_conv": unet.init_conv(frames)}
    got["init_temporal_attn"] = unet.init_temporal_attn(got["init_conv"], bias, None)
    step = unet.step_vector(t, None, None)
    h, skips = unet._descend(got["init_temporal_attn"], step, (), bias, None)
    got |= {f"down{i}": skip for i, skip in enumerate(skips)}
    h = unet.mid_spatial_attn(unet.mid_block1(h, step))
    h = got["mid_block2"] = unet.mid_block2(unet.mid_temporal_attn(h, bias, None), step)
    for i, stage in enumerate(unet.ups):
        joined = ops.cat((h, skips[-1 - i]), 1)
        got[f"up{i}"] = stage[3](stage[2](stage[1](stage[0](joined, step), step)), bias, None)
        h = stage[4](got[f"up{i}"])
    yield Comparison("inter/time_mlp", step.asnumpy(), golden["inter/time_mlp"], NETWORK)
    for name, tensor_ in got.items():
        y = tensor_.asnumpy()
        y = y.reshape(n, z, *y.shape[1:]).swapaxes(1, 2)
        yield Comparison(f"inter/{name}", y, golden[f"inter/{name}"], NETWORK)


def conditioned(golden: GoldenFile) -> Iterator[Comparison]:
    cell = network_of(golden)
    x, condition = tensor(golden["x"]), tensor(golden["cond"])
    t, samples = Tensor(golden["t"].astype(np.int32)), len(golden["x"])
    with_it = cell(x, t, condition, tensor(np.zeros(samples))).asnumpy()
    without = cell(x, t, condition, tensor(np.ones(samples))).asnumpy()
    guided = without + golden.json()["cond_scale"] * (with_it - without)
    yield Comparison("y", with_it, golden["y"], NETWORK)
    yield Comparison("y_null", without, golden["y_null"], NETWORK)
    yield Comparison("y_guided", guided, golden["y_guided"], NETWORK)


HANDLERS = {
    "rel_pos_bias": relative_position_bias,
    "rotary": rotary,
    "norms_time": norms_and_time,
    "temporal_attn": level_attention,
    "mid_spatial_attn": frame_attention,
    "spatial_linear_attn": linear_attention,
    "up_down": up_and_down,
    "resnet_block": resnet_block,
    "unet3d": network,
    "unet3d_cond": conditioned,
}
