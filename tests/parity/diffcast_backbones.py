"""Golden files of DiffCast's deterministic backbones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from mindcast.layers.cuboid_global import GlobalCuboidSelfAttention, GlobalOptions
from mindcast.models.diffcast.backbones import build_backbone
from mindcast.models.diffcast.backbones.moments import (
    derivative_moments,
    kernels_of,
    moment_matrix,
    moments,
)
from mindcast.models.diffcast.backbones.settings import (
    ConvGRUSettings,
    EarthformerSettings,
    PhyDNetSettings,
    SimVPSettings,
)
from mindcast.models.diffcast.backbones.weights import to_ours_backbone
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.prediff_cuboid import ZERO_GRADIENT, OnRows, attention_options, cuboid

Config = Mapping[str, Any]
FRAMES = ("frames_in", "frames_gt")
PHYSICAL = "phycell.cell_list.0.F.conv1.weight"


class Outputs(nn.Cell):
    """The outputs of a backbone that a golden file names, from (context, target).

    channels_last: frames come and go as (N, T, H, W, C).
    """

    def __init__(self, backbone: nn.Cell, names: Sequence[str], channels_last: bool) -> None:
        super().__init__(auto_prefix=False)
        self.backbone, self.names, self.channels_last = backbone, tuple(names), channels_last

    def construct(self, context, target):
        if self.channels_last:
            context, target = (x.transpose(0, 1, 4, 2, 3) for x in (context, target))
        prediction, loss = self.backbone.forecast_and_loss(context, target)
        if self.channels_last:
            prediction = prediction.transpose(0, 1, 3, 4, 2)
        found = {"frames_pred": prediction, "y_hat": prediction, "loss": loss}
        if "forward_once" in self.names:
            found["forward_once"] = self.backbone.forecast_once(context)
        if "moment_loss" in self.names:
            found["moment_loss"] = self.backbone.moment_loss()
        return tuple(found[name] for name in self.names)


def simvp(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    settings = SimVPSettings(
        spatial_channels=config["hid_S"],
        temporal_channels=config["hid_T"],
        spatial_layers=config["N_S"],
        temporal_layers=config["N_T"],
        encoder_kernel=config["ke"],
        decoder_kernel=config["kd"],
        branch_kernels=tuple(config["incep_ker"]),
        groups=config["groups"],
    )
    yield from compare(golden, "simvp", build(golden, "simvp", settings), FRAMES)


def phydnet(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    kernel = config["phycell_kernel"]
    if (config["patch_size"], config["phycell_hidden"]) != (4, kernel * kernel):
        raise ValueError(f"expected patch_size 4 and kernel^2 filters, got {config}")
    settings = PhyDNetSettings(
        width=config["nf"], lstm_channels=tuple(config["conv_hidden"]), kernel=kernel
    )
    backbone = build(golden, "phydnet", settings)
    unweighted = ("inference_pred", "constraints")
    yield from compare(golden, "phydnet", backbone, FRAMES, skip=unweighted)
    inference = backbone(Tensor(golden["in/frames_in"])).asnumpy()
    yield Comparison("out/inference_pred", inference, golden["out/inference_pred"])
    wanted = derivative_moments(kernel)
    yield Comparison("out/constraints", wanted, golden["out/constraints"])
    matrix = moment_matrix(kernel)
    exact = {
        "f64/K2M_M": matrix,
        "f64/K2M_invM": np.linalg.inv(matrix),
        "f64/moment_of_conv1_inch0": moments(golden[f"w/{PHYSICAL}"][:, 0]),
    } | {
        f"w/k2m._{i}M{j}": np.linalg.inv(matrix) if i else matrix for i in ("", "inv") for j in "01"
    }
    for name, value in exact.items():
        if name in golden:
            yield Comparison(name, value, golden[name], 1e-12)
    yield Comparison("kernels_of inverts moments", moments(kernels_of(wanted)), wanted, 1e-10)


def convgru(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    if set(config["strides"]) != {2}:
        raise ValueError(f"strides {config['strides']}, expected 2 on every level")
    settings = ConvGRUSettings(
        stem=tuple(config["stem"]),
        hidden=tuple(config["hidden"]),
        state_kernels=tuple(config["h2h_kernels"]),
        input_kernel=config["i2h_kernel"],
        leaky_slope=config["leaky_slope"],
    )
    yield from compare(golden, "convgru", build(golden, "convgru", settings), FRAMES)


def earthformer(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    check_fixed_options(config)
    (context, *frame, channels), target = config["input_shape"], config["target_shape"][0]
    settings = earthformer_settings(config)
    backbone = build_backbone("earthformer", settings, context, target, tuple(frame), channels)
    yield from compare(golden, "earthformer", backbone, ("x", "y"), channels_last=True)


def check_fixed_options(config: Config) -> None:
    """ValueError for an option of the original that our Earthformer does not have."""
    fixed = {
        "block_units": (None,),
        "dec_cross_last_n_frames": (None,),
        "dec_hierarchical_pos_embed": (False,),
        "downsample_type": ("patch_merge",),
        "initial_downsample_activation": ("leaky",),
        "initial_downsample_type": ("stack_conv",),
        "layout": ("NTHWC",),
        "norm_layer": ("layer_norm",),
        "upsample_type": ("upsample",),
        "use_dec_cross_global": (False,),
        "use_dec_self_global": (False,),
        "use_global_vector_ffn": (False,),
        "z_init_method": ("zeros",),
    }
    for name, known in fixed.items():
        if config.get(name, known[0]) not in known:
            raise ValueError(f"{name} = {config[name]!r}, expected {known[0]!r}")
    crosses = config["dec_cross_attn_patterns"]
    if set([crosses] if isinstance(crosses, str) else crosses) != {"cross_1x1"}:
        raise ValueError(f"dec_cross_attn_patterns = {crosses}, expected cross_1x1")


def earthformer_settings(config: Config) -> EarthformerSettings:
    def patterns(key: str) -> str | tuple[str, ...]:
        return config[key] if isinstance(config[key], str) else tuple(config[key])

    return EarthformerSettings(
        base_units=config["base_units"],
        scale_alpha=config["scale_alpha"],
        encoder_depth=tuple(config["enc_depth"]),
        decoder_depth=tuple(config["dec_depth"]),
        encoder_patterns=patterns("enc_attn_patterns"),
        decoder_patterns=patterns("dec_self_attn_patterns"),
        heads=config["num_heads"],
        global_vectors=config["num_global_vectors"],
        global_width_ratio=config["global_dim_ratio"],
        separate_global_projections=config["separate_global_qkv"],
        global_self_attention=config["use_global_self_attn"],
        stem_channels=tuple(config["initial_downsample_stack_conv_dim_list"]),
        stem_factors=tuple(map(side, config["initial_downsample_stack_conv_downscale_list"])),
        stem_convolutions=tuple(config["initial_downsample_stack_conv_num_conv_list"]),
        downsample=side(config["downsample"]),
        padding=config["padding_type"],
        position_embedding=config["pos_embed_type"],
        relative_position=config["use_relative_pos"],
        attention_projection=config["self_attn_use_final_proj"],
        ffn_activation=config["ffn_activation"],
        gated_ffn=config["gated_ffn"],
        encoder_ffn_after_each=config["enc_use_inter_ffn"],
        decoder_ffn_after_each=config["dec_use_inter_ffn"],
        decoder_first_self_attention=config["dec_use_first_self_attn"],
        attention_dropout=config["attn_drop"],
        projection_dropout=config["proj_drop"],
        ffn_dropout=config["ffn_drop"],
    )


def side(factor: int | Sequence[int]) -> int:
    """The factor along H and W, which may be written (1, factor, factor)."""
    if isinstance(factor, int):
        return factor
    if factor[0] != 1 or factor[1] != factor[2]:
        raise ValueError(f"a factor of {factor}, expected (1, n, n)")
    return factor[1]


def self_attention(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    exchange = GlobalOptions(
        config.get("global_dim_ratio", 1),
        config.get("separate_global_qkv", True),
        config.get("use_global_self_attn", True),
    )
    shape = golden["in/x"].shape[1:4]
    cell = GlobalCuboidSelfAttention(
        config["dim"], shape, cuboid(config), attention_options(config), exchange
    )
    weights = to_ours_backbone("earthformer", golden.under("w/"))
    names = ("x", "global_vectors")
    yield from compare_outputs(golden, load(OnRows(cell), weights), names, names)


def build(golden: GoldenFile, name: str, settings: Any) -> nn.Cell:
    """The backbone for the shapes of the file."""
    _, context, channels, *frame = golden["in/frames_in"].shape
    target = golden["in/frames_gt"].shape[1]
    return build_backbone(name, settings, context, target, tuple(frame), channels)


def compare(
    golden: GoldenFile,
    name: str,
    backbone: nn.Cell,
    inputs: Sequence[str],
    channels_last: bool = False,
    skip: Sequence[str] = (),
) -> Iterator[Comparison]:
    """Loads `w/` and checks all outputs that have a cotangent, and all gradients.

    skip: outputs without a cotangent, which the caller checks.
    """
    load(backbone, to_ours_backbone(name, golden.under("w/")))
    outputs = [key for key in golden.under("out/") if key not in skip]
    cell = Outputs(backbone, outputs, channels_last)
    yield from compare_outputs(golden, cell, inputs, outputs)


def compare_outputs(
    golden: GoldenFile, cell: nn.Cell, inputs: Sequence[str], outputs: Sequence[str]
) -> Iterator[Comparison]:
    """Every `out/` named, `gin/` and `gw/` key of the file; a key that nothing answers fails."""
    cell.set_train(False)
    arrays = [golden[f"in/{name}"] for name in inputs]
    got, by_input, by_weight = differentiate(cell, arrays, [golden[f"r/{n}"] for n in outputs])
    for name, value in zip(outputs, got, strict=True):
        yield Comparison(f"out/{name}", value, golden[f"out/{name}"])
    found = {f"gin/{name}": value for name, value in zip(inputs, by_input, strict=True)}
    found |= {f"gw/{name}": value for name, value in by_weight.items()}
    expected = {key: golden[key] for key in golden if key.startswith(("gin/", "gw/"))}
    floor = ZERO_GRADIENT * max((np.abs(g).max() for g in expected.values()), default=0.0)
    for key, gradient in expected.items():
        yield Comparison(key, found[key], gradient, floor=floor)


HANDLERS = {
    "simvp": simvp,
    "phydnet": phydnet,
    "convgru": convgru,
    "earthformer": earthformer,
    "earthformer_selfattn": self_attention,
}
