"""Golden files of DiffCast's denoiser and context network, and of their building blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mindspore import Tensor, nn

from mindcast.layers.large_kernel_attention import LargeKernelAttention
from mindcast.models.diffcast.blocks import (
    PixelAttention,
    Residual,
    ResnetBlock,
    RMSNorm,
    downsample,
    upsample,
)
from mindcast.models.diffcast.context_net import ContextNet
from mindcast.models.diffcast.unet import DenoiserUNet
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.prediff_vae import compare_gradients


def block_of(name: str, golden: GoldenFile) -> nn.Cell:
    """The cell that a case of `unet_blocks` is about, in the sizes of its arrays."""
    channels, out = golden["in/x"].shape[1], golden["out/y"].shape[1]
    embedding = golden["in/t"].shape[1] if "in/t" in golden else None
    return {
        "resnet_block_time": lambda: ResnetBlock(channels, out, embedding),
        "resnet_block_notime": lambda: ResnetBlock(channels, out),
        "temporal_attention": lambda: LargeKernelAttention(channels),
        "prenorm_residual_attention": lambda: Residual(channels, PixelAttention(channels)),
        "rmsnorm": lambda: RMSNorm(channels),
        "upsample": lambda: upsample(channels, out),
        "downsample": lambda: downsample(channels, out),
    }[name]()


def blocks(golden: GoldenFile) -> Iterator[Comparison]:
    for name in golden.json()["blocks"]:
        case = golden.case(f"{name}/")
        cell = load(block_of(name, case), case.under("w/"))
        inputs = case.under("in/")
        (y,), by_input, by_weight = differentiate(cell, [*inputs.values()], [case["r/y"]])
        yield Comparison(f"{name}/y", y, case["out/y"])
        yield from compare_gradients(case, dict(zip(inputs, by_input, strict=True)), by_weight)


def unet_of(config: dict[str, Any]) -> DenoiserUNet:
    return DenoiserUNet(config["dim"], tuple(config["dim_mults"]), config["T_in"])


class WithEmbeddings(nn.Cell):
    """The denoiser's answer and the embeddings of step and segment."""

    def __init__(self, unet: DenoiserUNet) -> None:
        super().__init__(auto_prefix=False)
        self.unet = unet

    def construct(self, x, time, cond, idx, *features):
        unet = self.unet
        return unet(x, time, cond, idx, *features), unet.time_mlp(time), unet.frag_idx_mlp(idx)


def in_order(golden: GoldenFile, prefix: str) -> list[str]:
    """The names prefix0, prefix1, ... of a pyramid's arrays."""
    levels = sum(
        key.startswith(f"in/{prefix}") or key.startswith(f"out/{prefix}") for key in golden
    )
    return [f"{prefix}{level}" for level in range(levels)]


def unet(golden: GoldenFile) -> Iterator[Comparison]:
    cell = load(unet_of(golden.json()), golden.under("w/"))
    names = ["x", "time", "cond", "idx", *in_order(golden, "ctx")]
    inputs = [golden[f"in/{name}"] for name in names]
    outputs = ("pred", "time_embedding", "frag_embedding")
    cotangents = [golden[f"r/{name}"] for name in outputs]
    made, by_input, by_weight = differentiate(WithEmbeddings(cell), inputs, cotangents)
    for name, array in zip(outputs, made, strict=True):
        yield Comparison(name, array, golden[f"out/{name}"])
    yield from compare_gradients(golden, dict(zip(names, by_input, strict=True)), by_weight)
    x, time, cond, idx, *features = (
        Tensor(array.astype("int32" if array.dtype.kind == "i" else "float32")) for array in inputs
    )
    alone = cell(x, time, cond * 0, idx, *features)
    yield Comparison("pred_without_cond", alone, golden["out/pred_without_cond"])
    if "out/sinusoidal" in golden:
        yield Comparison("sinusoidal", cell.time_mlp[0](time), golden["out/sinusoidal"])


class Flat(nn.Cell):
    """The context network's features as one tuple: global0, local0, global1, ..."""

    def __init__(self, network: ContextNet, local_index: int) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.local_index = network, local_index

    def construct(self, frames):
        local, whole = self.network(frames, self.local_index)
        flat = ()
        for level in range(len(local)):
            flat = (*flat, whole[level], local[level])
        return flat


def context_net(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    network = ContextNet(config["dim"], tuple(config["dim_mults"]), config["channels"])
    cell = Flat(load(network, golden.under("w/")), config["local_frame_index"])
    names = [f"{kind}{i}" for i in range(len(config["dim_mults"])) for kind in ("global", "local")]
    made, (by_frames,), by_weight = differentiate(
        cell, [golden["in/frames"]], [golden[f"r/{name}"] for name in names]
    )
    for name, array in zip(names, made, strict=True):
        yield Comparison(name, array, golden[f"out/{name}"])
    yield from compare_gradients(golden, {"frames": by_frames}, by_weight)


HANDLERS = {"unet_blocks": blocks, "unet": unet, "ctxnet": context_net}
