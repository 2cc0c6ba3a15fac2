"""The settings of the backbones; the defaults are the published sizes. Imports no MindSpore.

Only what a type can say of itself is refused here; see `check_backbone` for what the frames decide.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.frozen import Frozen
from mindcast.layers.cuboid_patterns import cuboids_of

Widths = tuple[PositiveInt, ...]
Probability = Field(default=0.1, ge=0.0, lt=1.0)
LEVELS_255 = (74, 133, 160, 219)  # four of the six event thresholds of SEVIR's VIL
BALANCED_WEIGHTS = (1.0, 2.0, 5.0, 10.0, 30.0)


class SimVPSettings(Frozen):
    """SimVP as DiffCast runs it: convolutions, and an inception translator over stacked frames.

    spatial_*: the frame encoder and its mirror, the decoder; every second layer halves the frame.
    temporal_*: the translator, which sees the frames as channels. branch_kernels: the parallel
    convolutions of one inception block. groups: of them and of their norms, 1 where it does not
    divide temporal_channels / 2.
    """

    spatial_channels: PositiveInt = 64
    temporal_channels: PositiveInt = 256
    spatial_layers: PositiveInt = 2
    temporal_layers: int = Field(default=6, ge=2)
    encoder_kernel: PositiveInt = 3
    decoder_kernel: PositiveInt = 3
    branch_kernels: Widths = Field(default=(3, 5, 7, 11), min_length=1)
    groups: PositiveInt = 8

    @property
    def factor(self) -> int:
        """How many pixels one latent cell spans along an axis."""
        return 2 ** (self.spatial_layers // 2)

    @property
    def branch_groups(self) -> int:
        """Groups of the branches' convolutions and norms."""
        return 1 if (self.temporal_channels // 2) % self.groups else self.groups

    @model_validator(mode="after")
    def _widths_divide(self) -> SimVPSettings:
        _require_odd("encoder_kernel", self.encoder_kernel)
        _require_odd("decoder_kernel", self.decoder_kernel)
        for kernel in self.branch_kernels:
            _require_odd("branch_kernels", kernel)
        _require_multiple("spatial_channels", self.spatial_channels, 2, "groups of its norms")
        _require_multiple("temporal_channels", self.temporal_channels, 2, "widths of a block")
        return self


class PhyDNetSettings(Frozen):
    """PhyDNet: one physical cell and a ConvLSTM, fed frame by frame (Le Guen & Thome 2020).

    width: channels after the first convolution; the cells work on twice as many.
    lstm_channels: one a layer; the last must be 2 width, which the decoder takes.
    kernel: k of the k x k filters that stand for the derivatives up to order k - 1 along each axis;
    there are k^2 of them. norm_groups: of the image encoder's and decoder's norms.
    mean_over_steps: the loss averages the errors of the one-step forecasts; the published one sums.
    """

    width: PositiveInt = 32
    lstm_channels: Widths = Field(default=(128, 128, 64), min_length=1)
    lstm_kernel: PositiveInt = 3
    kernel: int = Field(default=7, ge=3)
    norm_groups: PositiveInt = 16
    moment_weight: float = Field(default=1.0, ge=0)
    mean_over_steps: bool = False

    @model_validator(mode="after")
    def _widths_fit(self) -> PhyDNetSettings:
        _require_odd("kernel", self.kernel)
        _require_odd("lstm_kernel", self.lstm_kernel)
        _require_multiple("width", self.width, self.norm_groups, "norm_groups")
        if self.lstm_channels[-1] != 2 * self.width:
            raise ValueError(
                f"lstm_channels ends with {self.lstm_channels[-1]}, expected 2 width = "
                f"{2 * self.width}, which the decoder takes; change either"
            )
        return self


class ConvGRUSettings(Frozen):
    """The ConvGRU encoder-forecaster, after the baseline of Shi et al. 2017.

    One entry a level, finest first: `stem` the channels of the halving convolution, `hidden` those
    of the state, `state_kernels` the side of the convolution over it.
    loss: "mse", or "balanced": squared plus absolute error, both weighted by the true intensity,
    with balanced_weights[k] where it has reached k of the balanced_thresholds, which are in [0, 1].
    """

    stem: Widths = Field(default=(16, 64, 192), min_length=1)
    hidden: Widths = (64, 192, 192)
    state_kernels: Widths = (5, 5, 3)
    input_kernel: PositiveInt = 3
    leaky_slope: float = Field(default=0.2, ge=0, lt=1)
    loss: Literal["mse", "balanced"] = "mse"
    balanced_thresholds: tuple[float, ...] = tuple(level / 255 for level in LEVELS_255)
    balanced_weights: tuple[float, ...] = BALANCED_WEIGHTS

    @property
    def factor(self) -> int:
        """How many pixels one cell of the coarsest state spans along an axis."""
        return 2 ** len(self.hidden)

    @model_validator(mode="after")
    def _levels_agree(self) -> ConvGRUSettings:
        for name, values in (("hidden", self.hidden), ("state_kernels", self.state_kernels)):
            if len(values) != len(self.stem):
                raise ValueError(
                    f"{name} has {len(values)} entries, stem has {len(self.stem)}; one a level each"
                )
        for kernel in self.state_kernels:
            _require_odd("state_kernels", kernel)
        _require_odd("input_kernel", self.input_kernel)
        if len(self.balanced_weights) != len(self.balanced_thresholds) + 1:
            raise ValueError(
                f"balanced_weights has {len(self.balanced_weights)} entries, expected one more "
                f"than the {len(self.balanced_thresholds)} of balanced_thresholds"
            )
        return self


class EarthformerSettings(Frozen):
    """Earthformer with global vectors (Gao et al. 2022), its SEVIR form scaled to 128 x 128.

    stem_*: one entry a stage of the frame-wise encoder before the transformer, and of its mirror:
    channels, factor of the patch merging after it, number of convolutions. patterns: of the
    self-attention, one name for all levels or one a level; see `mindcast.layers.cuboid_patterns`.
    decoder_first_self_attention: also the coarsest decoder level starts with self-attention.
    long_decoder_cuboids: temporal cuboids of the decoder span the whole target. The published
    decoder cuts them by the context's length, so that its windows do not see each other there.
    """

    base_units: PositiveInt = 128
    scale_alpha: float = Field(default=1.0, gt=0)
    encoder_depth: Widths = Field(default=(1, 1), min_length=1)
    decoder_depth: Widths = (1, 1)
    encoder_patterns: str | tuple[str, ...] = "axial"
    decoder_patterns: str | tuple[str, ...] = "axial"
    heads: PositiveInt = 4
    global_vectors: int = Field(default=8, ge=0)
    global_width_ratio: PositiveInt = 1
    separate_global_projections: bool = True
    global_self_attention: bool = True
    stem_channels: Widths = Field(default=(16, 64, 128), min_length=1)
    stem_factors: Widths = (1, 2, 2)
    stem_convolutions: Widths = (2, 2, 2)
    downsample: PositiveInt = 2
    padding: Literal["zeros", "ignore", "nearest"] = "zeros"
    position_embedding: Literal["t+h+w", "t+hw"] = "t+h+w"
    relative_position: bool = True
    attention_projection: bool = True
    ffn_activation: Literal["gelu", "leaky", "relu"] = "gelu"
    gated_ffn: bool = False
    encoder_ffn_after_each: bool = True
    decoder_ffn_after_each: bool = True
    decoder_first_self_attention: bool = False
    long_decoder_cuboids: bool = False
    attention_dropout: float = Probability
    projection_dropout: float = Probability
    ffn_dropout: float = Probability

    @property
    def units(self) -> tuple[int, ...]:
        """Channels of every level, finest first."""
        ratio = self.downsample**self.scale_alpha
        return tuple(self.base_units * int(ratio**i) for i in range(len(self.encoder_depth)))

    def level_patterns(self, patterns: str | tuple[str, ...]) -> tuple[str, ...]:
        """One pattern name a level."""
        if isinstance(patterns, str):
            return (patterns,) * len(self.encoder_depth)
        return patterns

    @model_validator(mode="after")
    def _stem_stages_agree(self) -> EarthformerSettings:
        for name in ("stem_factors", "stem_convolutions"):
            if len(getattr(self, name)) != len(self.stem_channels):
                raise ValueError(
                    f"{name} has {len(getattr(self, name))} entries, stem_channels has "
                    f"{len(self.stem_channels)}; one a stage each"
                )
        for channels in self.stem_channels:
            _require_multiple("stem_channels", channels, stem_groups(channels), "norm groups")
        if self.stem_channels[-1] != self.base_units:
            raise ValueError(
                f"stem_channels ends with {self.stem_channels[-1]}, expected base_units = "
                f"{self.base_units}, which the transformer takes; change either"
            )
        return self

    @model_validator(mode="after")
    def _levels_agree(self) -> EarthformerSettings:
        levels = len(self.encoder_depth)
        if len(self.decoder_depth) != levels:
            raise ValueError(
                f"decoder_depth has {len(self.decoder_depth)} levels, encoder_depth has {levels}; "
                "each decoder level reads the encoder's"
            )
        for name in ("encoder_patterns", "decoder_patterns"):
            names = self.level_patterns(getattr(self, name))
            if len(names) != levels:
                raise ValueError(
                    f"{name} has {len(names)} names for {levels} levels; give one or one a level"
                )
            for pattern in names:
                cuboids_of(pattern, (1, 1, 1))  # refuses an unknown name
        for units in self.units:
            _require_multiple(
                f"base_units = {self.base_units}: a level", units, self.heads, "heads"
            )
        if self.global_width_ratio != 1 and not self.separate_global_projections:
            raise ValueError(
                f"global_width_ratio = {self.global_width_ratio} needs "
                "separate_global_projections = true; shared ones need equal widths"
            )
        return self


def stem_groups(channels: int) -> int:
    """Groups of the norm after a convolution of the stem or the head."""
    return max(1, channels // 4)


def _require_odd(name: str, size: int) -> None:
    if size % 2 == 0:
        raise ValueError(f"{name} has {size}, expected an odd size, which keeps the frame's")


def _require_multiple(name: str, value: int, of: int, what: str) -> None:
    if value % of:
        raise ValueError(f"{name} has {value}, which {of} ({what}) does not divide")
