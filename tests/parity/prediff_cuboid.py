"""Golden files of the cuboid-attention networks: single layers, stacks, UNet and alignment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers.attention_pool import AttentionPool
from mindcast.layers.cuboid_attention import AttentionOptions, CuboidSelfAttention
from mindcast.layers.cuboid_global import GlobalCuboidSelfAttention, GlobalOptions
from mindcast.layers.cuboid_patterns import Cuboid, cuboids_of
from mindcast.layers.cuboid_stack import CuboidStack, StackOptions
from mindcast.layers.embedding import POSITION_EMBEDDINGS, SinusoidalEmbedding, TimeEmbedding
from mindcast.layers.feed_forward import FeedForward
from mindcast.layers.patch import FrameUpsample, PatchMerging
from mindcast.layers.time_resblock import GROUPS, TimeResBlock
from mindcast.models.prediff.alignment import AlignmentNetwork
from mindcast.models.prediff.earthformer_unet import EarthformerUNet
from mindcast.models.prediff.settings import AlignmentSettings, DenoiserSettings
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile

Config = Mapping[str, Any]
ZERO_GRADIENT = 1e-5  # of the file's largest, below which a gradient is rounding


class OnRows(nn.Cell):
    """Lets a cell of token rows take and give (N, T, H, W, C); other inputs pass through."""

    def __init__(self, cell: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.cell = cell

    def construct(self, x, *others):
        out = self.cell(x.reshape(-1, x.shape[-1]), *others)
        if isinstance(out, tuple):
            return out[0].reshape(x.shape), *out[1:]
        return out.reshape(x.shape)


def reorder(golden: GoldenFile) -> Iterator[Comparison]:
    for name, case, config in cases(golden):
        x, thw = case["x"], tuple(config["thw"])
        order = geometry.split_order(thw, tuple(config["cuboid_size"]), config["strategy"])
        rows = x.reshape(x.shape[0], -1, x.shape[-1])
        yield Comparison(f"{name}/y", rows[:, order], case["y"], 0)
        cut = Cuboid(tuple(config["cuboid_size"]), "".join(config["strategy"]))
        back = case["y"].reshape(rows.shape)[:, geometry.return_index(thw, cut, "zeros")]
        yield Comparison(f"{name}/inverse", back.reshape(x.shape), x, 0)


def masks(golden: GoldenFile) -> Iterator[Comparison]:
    for name, case, config in cases(golden):
        thw = tuple(config["thw"])
        cut = geometry.effective(cuboid(config), thw)
        for key, got in (("new_cuboid_size", cut.block), ("new_shift_size", cut.shift)):
            if key in config:
                yield Comparison(f"{name}/{key}", got, config[key], 0)
        mask = geometry.attention_mask(thw, cut, config["padding_type"])
        expected = case["mask"]
        mask = np.ones(expected.shape, bool) if mask is None else mask
        yield Comparison(f"{name}/mask", mask, expected, 0)


def patterns(golden: GoldenFile) -> Iterator[Comparison]:
    for name, by_shape in golden.json()["patterns"].items():
        for shape, (blocks, strategies, shifts) in by_shape.items():
            thw = tuple(int(size) for size in shape.strip("()").split(","))[:3]
            got = [[list(c.block), list(c.strategy), list(c.shift)] for c in cuboids_of(name, thw)]
            expected = [list(row) for row in zip(blocks, strategies, shifts, strict=True)]
            yield Comparison(f"{name} {shape}", str(got), str(expected), 0)


def attention(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    options = attention_options(config)
    arguments = (config["dim"], tuple(config["thw"]), cuboid(config), options)
    if not config.get("use_global_vector"):
        yield from compare(golden, OnRows(CuboidSelfAttention(*arguments)), ["x"], ["y"])
        return
    exchange = GlobalOptions(
        config.get("global_dim_ratio", 1),
        config.get("separate_global_qkv", False),
        config.get("use_global_self_attn", False),
    )
    cell = OnRows(GlobalCuboidSelfAttention(*arguments, exchange))
    names = ["x", "global_vectors"]
    yield from compare(golden, cell, names, names)


def feed_forward(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    cell = FeedForward(
        config["units"],
        config["hidden_size"],
        config["activation"],
        config.get("gated_proj", False),
        dropout=config.get("dropout", 0.0),
        hidden_dropout=config.get("activation_dropout", 0.0),
        pre_norm=config.get("pre_norm", False),
    )
    yield from compare(golden, cell, ["x"], ["y"])


def stack(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    blocks = zip(
        config["block_cuboid_size"],
        config["block_strategy"],
        config["block_shift_size"],
        strict=True,
    )
    cuboids = [Cuboid(tuple(b), "".join(letters), tuple(s)) for b, letters, s in blocks]
    options = StackOptions(
        attention_options(config),
        config.get("activation", "gelu"),
        gated_ffn=config.get("gated_ffn", False),
        ffn_after_each=config.get("use_inter_ffn", True),
    )
    cell = CuboidStack(config["dim"], tuple(config["thw"]), cuboids, options)
    yield from compare(golden, cell, ["x"], ["y"])


def patch_merging(golden: GoldenFile) -> Iterator[Comparison]:
    for name, case, config in cases(golden):
        thw, factors = tuple(config["thw"]), tuple(config["downsample"])
        out_dim = config["out_dim"] or max(factors) * config["dim"]
        cell = PatchMerging(config["dim"], out_dim, thw, factors, config["padding_type"])
        if "out_shape" in config:
            yield Comparison(f"{name}/out_shape", cell.out_shape, config["out_shape"], 0)
        yield from compare(case, cell, ["x"], ["y"], f"{name}/")


def upsample(golden: GoldenFile) -> Iterator[Comparison]:
    for name, case, config in cases(golden):
        frame = tuple(config["target_size"][1:])
        cell = FrameUpsample(config["dim"], config["out_dim"], frame, config["kernel_size"])
        yield from compare(case, cell, ["x"], ["y"], f"{name}/")


def positions(golden: GoldenFile) -> Iterator[Comparison]:
    for name, case, config in cases(golden):
        thw = (config["maxT"], config["maxH"], config["maxW"])
        cell = POSITION_EMBEDDINGS[config["typ"]](config["embed_dim"], thw)
        yield from compare(case, cell, ["x"], ["y"], f"{name}/")


def time_embedding(golden: GoldenFile) -> Iterator[Comparison]:
    t = Tensor(golden["t"].astype(np.int32))
    for key in golden:
        if key.startswith("embedding_dim"):
            width = int(key.removeprefix("embedding_dim"))
            yield Comparison(key, SinusoidalEmbedding(width)(t).asnumpy(), golden[key])
    config = golden.json("layer_cfg")
    cell = TimeEmbedding(config["base_channels"], config["time_embed_channels"]).layer
    yield from compare(golden, cell, ["x"], ["y"])


def time_resblock(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    embedded = config.get("use_embed", True)
    cell = TimeResBlock(
        config["channels"],
        config.get("out_channels") or config["channels"],
        config["emb_channels"] if embedded else None,
        config.get("dropout", 0.0),
        config.get("use_scale_shift_norm", False),
        config.get("dims", 2),
        config.get("use_conv", False),
        "up" if config.get("up") else "down" if config.get("down") else None,
        config.get("norm_groups", GROUPS),
    )
    yield from compare(golden, cell, ["x", "emb"] if embedded else ["x"], ["y"])


def attention_pool(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    out_dim = config.get("output_dim") or config["embed_dim"]
    cell = AttentionPool(config["embed_dim"], config["data_dim"], out_dim, config["num_heads"])
    yield from compare(golden, cell, ["x"], ["y"])


def unet(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    settings = DenoiserSettings(
        **pyramid_settings(config),
        skip_connections=config["unet_res_connect"],
        upsample_kernel=config["upsample_kernel_size"],
    )
    shapes = tuple(config["input_shape"]), tuple(config["target_shape"])
    yield from network(golden, EarthformerUNet(settings, *shapes), ["x", "t", "cond"])


def alignment(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    settings = AlignmentSettings(
        **pyramid_settings(config),
        out_channels=config["out_channels"],
        read_out_per_frame=config["readout_seq"],
    )
    cell = AlignmentNetwork(settings, tuple(config["input_shape"]), config["out_len"])
    yield from network(golden, cell, ["zt", "t"])


def network(golden: GoldenFile, cell: nn.Cell, inputs: Sequence[str]) -> Iterator[Comparison]:
    """A whole network: parameter count, outputs, gradients, and the output at other steps."""
    config = golden.json()
    count = sum(p.size for p in cell.get_parameters())
    yield Comparison("n_params", count, config["n_params"], 0)
    yield from compare(golden, cell, inputs, ["y"])
    if "out/y_t_other" in golden:
        others = [golden[f"in/{'t_other' if name == 't' else name}"] for name in inputs]
        tensors = [as_tensor(array) for array in others]
        yield Comparison("y_t_other", cell(*tensors).asnumpy(), golden["out/y_t_other"])


def compare(
    golden: GoldenFile,
    cell: nn.Cell,
    inputs: Sequence[str],
    outputs: Sequence[str],
    label: str = "",
) -> Iterator[Comparison]:
    """Loads `w/`, then checks every `out/`, `gin/` and `gw/` key of the file that belongs to it."""
    load(cell, our_weights(golden.under("w/"), cell))
    cell.set_train(False)
    arrays = [golden[f"in/{name}"] for name in inputs]
    got, by_input, by_weight = differentiate(cell, arrays, [golden[f"r/{n}"] for n in outputs])
    for name, value in zip(outputs, got, strict=True):
        yield Comparison(f"{label}out/{name}", value, golden[f"out/{name}"])
    gradients = golden.under("gin/") | golden.under("gw/")
    floor = ZERO_GRADIENT * max((np.abs(g).max() for g in gradients.values()), default=0.0)
    for name, value in zip(inputs, by_input, strict=True):
        if f"gin/{name}" in golden:
            yield Comparison(f"{label}gin/{name}", value, golden[f"gin/{name}"], floor=floor)
    for name, gradient in golden.under("gw/").items():
        value = by_weight[name].reshape(gradient.shape)
        yield Comparison(f"{label}gw/{name}", value, gradient, floor=floor)


def our_weights(weights: Mapping[str, np.ndarray], cell: nn.Cell) -> dict[str, np.ndarray]:
    """Without derived buffers; weights of 1-wide 1-D convolutions as those of linear layers."""
    shapes = {p.name: tuple(p.shape) for p in cell.get_parameters()}
    kept = {k: v for k, v in weights.items() if not k.endswith("relative_position_index")}
    return {k: v[..., 0] if v.shape == (*shapes.get(k, ()), 1) else v for k, v in kept.items()}


def cases(golden: GoldenFile) -> Iterator[tuple[str, GoldenFile, Config]]:
    """The cases of a file with their `cfg`."""
    for key in golden:
        if key.endswith("/cfg"):
            name = key.removesuffix("/cfg")
            yield name, golden.case(f"{name}/"), golden.json(key)


def cuboid(config: Config) -> Cuboid:
    return Cuboid(
        tuple(config["cuboid_size"]), "".join(config["strategy"]), tuple(config["shift_size"])
    )


def attention_options(config: Config) -> AttentionOptions:
    return AttentionOptions(
        heads=config["num_heads"],
        padding=config["padding_type"],
        qkv_bias=config.get("qkv_bias", False),
        qk_scale=config.get("qk_scale"),
        relative_position=config.get("use_relative_pos", True),
        projection=config.get("use_final_proj", True),
    )


def pyramid_settings(config: Config) -> dict[str, Any]:
    """The constructor arguments that denoiser and alignment network share, under our names."""
    pattern = config["block_attn_patterns"]
    return {
        "base_units": config["base_units"],
        "scale_alpha": config["scale_alpha"],
        "depth": tuple(config["depth"]),
        "heads": config["num_heads"],
        "patterns": pattern if isinstance(pattern, str) else tuple(pattern),
        "padding": config["padding_type"],
        "ffn_activation": config["ffn_activation"],
        "gated_ffn": config["gated_ffn"],
        "ffn_after_each_attention": config["use_inter_ffn"],
        "relative_position": config["use_relative_pos"],
        "attention_projection": config["self_attn_use_final_proj"],
        "downsample": config["downsample"],
        "position_embedding": config["pos_embed_type"],
        "time_embedding_multiple": config["time_embed_channels_mult"],
        "scale_shift": config["time_embed_use_scale_shift_norm"],
    }


def as_tensor(array: np.ndarray) -> Tensor:
    return Tensor(array, ms.int32 if array.dtype.kind in "iu" else ms.float32)


HANDLERS = {
    "cuboid_reorder": reorder,
    "cuboid_mask": masks,
    "cuboid_patterns": patterns,
    "cuboid_attn": attention,
    "ffn": feed_forward,
    "stack_cuboid": stack,
    "patch_merging3d": patch_merging,
    "upsample3d": upsample,
    "pos_embed": positions,
    "time_embed": time_embedding,
    "time_resblock": time_resblock,
    "attention_pool": attention_pool,
    "unet": unet,
    "align": alignment,
}
