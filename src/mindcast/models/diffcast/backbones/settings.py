"""The settings of the backbones; the defaults are the published sizes. Imports no MindSpore.

Only what a type alone decides is refused here; see `check_backbone` for what the frames decide.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mindcast.config.frozen import Frozen
from mindcast.config.marks import FREE
from mindcast.config.numbers import Size
from mindcast.layers.cuboid_patterns import cuboids_of
from mindcast.motion.settings import MotionSettings
from mindcast.refusal import Refusal

Widths = tuple[Size, ...]
Probability = Field(default=0.1, ge=0.0, lt=1.0)
Share = Annotated[float, Field(gt=0, lt=1)]
LEVELS_255 = (74, 133, 160, 219)  # four of the six event thresholds of SEVIR's VIL
LEVELS_DBZ = (20 / 90, 30 / 90, 35 / 90, 40 / 90)  # thresholds of Yu et al. 2024 for Shanghai
BALANCED_WEIGHTS = (1.0, 2.0, 5.0, 10.0, 30.0)


class SimVPSettings(Frozen):
    """SimVP as DiffCast runs it: convolutions, and an inception translator over stacked frames."""

    spatial_channels: Size = 64
    """Channels of the frame encoder and its mirror, the decoder; even."""
    temporal_channels: Size = 256
    """Channels of the translator, to which the frames are channels; even."""
    spatial_layers: int = Field(default=2, gt=0, le=32)
    """Layers of encoder and decoder each; every second one halves the frame."""
    temporal_layers: int = Field(default=6, ge=2)
    """Inception blocks of the translator's way down, and as many up."""
    encoder_kernel: Size = 3
    """Side of the encoder's convolutions, odd."""
    decoder_kernel: Size = 3
    """Side of the decoder's convolutions, odd."""
    branch_kernels: Widths = Field(default=(3, 5, 7, 11), min_length=1)
    """Sides of the parallel convolutions of one inception block, odd."""
    groups: Size = 8
    """Of those convolutions and their norms; 1 where it does not divide temporal_channels / 2."""

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
    """PhyDNet: one physical cell and a ConvLSTM, fed frame by frame (Le Guen & Thome 2020)."""

    width: Size = 32
    """Channels after the first convolution; the cells work on twice as many."""
    lstm_channels: Widths = Field(default=(128, 128, 64), min_length=1)
    """Of each ConvLSTM layer; the last must be 2 `width`, which the decoder takes."""
    lstm_kernel: Size = 3
    """Side of the ConvLSTM's convolutions, odd."""
    kernel: int = Field(default=7, ge=3)
    """k of the k x k filters that stand for the derivatives up to order k - 1 along each axis, odd;
    there are k^2 of them."""
    norm_groups: Size = 16
    """Of the image encoder's and decoder's norms; must divide `width`."""
    moment_weight: Annotated[float, FREE] = Field(default=1.0, ge=0)
    """Weight of the loss that keeps the filters near derivatives."""
    mean_over_steps: Annotated[bool, FREE] = False
    """The loss averages the errors of the one-step forecasts; the published one sums."""

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

    Tuples have one entry a level, finest first.
    """

    stem: Widths = Field(default=(16, 64, 192), min_length=1)
    """Channels of the convolution that halves the frame."""
    hidden: Widths = (64, 192, 192)
    """Channels of the state."""
    state_kernels: Widths = (5, 5, 3)
    """Sides of the convolutions over the state, odd."""
    input_kernel: Size = 3
    """Side of the convolutions over the input, odd."""
    leaky_slope: float = Field(default=0.2, ge=0, lt=1)
    """Of the leaky ReLUs below 0."""
    loss: Annotated[Literal["mse", "balanced"], FREE] = "mse"
    """Mean squared error, or "balanced": squared plus absolute, weighted by the true intensity."""
    balanced_thresholds: Annotated[tuple[float, ...], FREE] = tuple(n / 255 for n in LEVELS_255)
    """Intensities in [0, 1] from which on the next balanced weight counts."""
    balanced_weights: Annotated[tuple[float, ...], FREE] = BALANCED_WEIGHTS
    """Weight below the first threshold, then from each on: one more than thresholds."""

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
    """Earthformer with global vectors (Gao et al. 2022), its SEVIR form scaled to 128 x 128."""

    base_units: Size = 128
    """Channels of the finest level of the transformer."""
    scale_alpha: float = Field(default=1.0, gt=0, le=8)
    """Channels grow by int(`downsample`^`scale_alpha`) from level to level."""
    encoder_depth: Widths = Field(default=(1, 1), min_length=1)
    """Blocks of each level of the encoder, finest first."""
    decoder_depth: Widths = (1, 1)
    """Blocks of each level of the decoder, finest first; as many levels."""
    encoder_patterns: str | tuple[str, ...] = "axial"
    """Cuboids of the encoder's self-attention: one name for all levels or one a level, see
    `mindcast.layers.cuboid_patterns`."""
    decoder_patterns: str | tuple[str, ...] = "axial"
    """Those of the decoder."""
    heads: Size = 4
    """Of every attention; must divide the channels of every level."""
    global_vectors: int = Field(default=8, ge=0)
    """How many go along with each sample; 0: none."""
    global_width_ratio: Size = 1
    """Channels of a global vector, in those of the level."""
    separate_global_projections: bool = True
    """Attention to and from global vectors has its own projections."""
    global_self_attention: bool = True
    """Global vectors attend to each other too."""
    stem_channels: Widths = Field(default=(16, 64, 128), min_length=1)
    """Channels of each stage of the frame-wise encoder before the transformer, and of its mirror;
    the last must be `base_units`."""
    stem_factors: Widths = (1, 2, 2)
    """Factor of the patch merging after each stage."""
    stem_convolutions: Widths = (2, 2, 2)
    """Convolutions of each stage."""
    downsample: int = Field(default=2, gt=0, le=64)
    """Factor of height and width from level to level of the transformer."""
    padding: Literal["zeros", "ignore", "nearest"] = "zeros"
    """What fills a grid that cuboids do not divide; "ignore": zeros that are masked in
    attention."""
    position_embedding: Literal["t+h+w", "t+hw"] = "t+h+w"
    """Learned positions: one table an axis, or one for time and one for the frame."""
    relative_position: bool = True
    """A learned bias of attention by relative position."""
    attention_projection: bool = True
    """A linear layer after each attention."""
    ffn_activation: Literal["gelu", "leaky", "relu"] = "gelu"
    """Of the feed-forward networks; "leaky": leaky ReLU."""
    gated_ffn: bool = False
    """Whether the feed-forward networks multiply by a gate of the input."""
    encoder_ffn_after_each: bool = True
    """A feed-forward network after each attention of an encoder block; else one after all."""
    decoder_ffn_after_each: bool = True
    """The same in the decoder."""
    decoder_first_self_attention: bool = False
    """Also the coarsest decoder level starts with self-attention."""
    long_decoder_cuboids: bool = False
    """Temporal cuboids of the decoder span the whole target. The published decoder cuts them by the
    context's length, so that its windows do not attend to each other there."""
    attention_dropout: Annotated[float, FREE] = Probability
    """Dropout of the attention weights."""
    projection_dropout: Annotated[float, FREE] = Probability
    """Dropout after attention."""
    ffn_dropout: Annotated[float, FREE] = Probability
    """Dropout in the feed-forward networks."""

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
                _require_pattern(name, pattern)
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


class EventSettings(Frozen):
    """The error of events, see `backbones.events`."""

    levels: tuple[Share, ...] = Field(default=LEVELS_DBZ, min_length=1)
    """Thresholds of the events in the data's scale, [0, 1]; those that will be scored."""
    softness: float = Field(default=0.02, gt=0, le=1)
    """Distance from a level, in the data's scale, at which an event counts 0.73."""
    bias_weight: float = Field(default=0.1, ge=0)
    """Weight of the square of the log of the frequency bias."""
    pool: int = Field(default=4, gt=0, le=4096)
    """Side of the blocks, in cells of `patch` pixels, whose largest values count as well; 1:
    none."""


class AdvectionSettings(Frozen):
    """The last frame extrapolated along its motion, and a learned correction of it, at first 0."""

    motion: MotionSettings = MotionSettings()
    """How the motion is found, and how members differ in it."""
    dim: Size = 32
    """Channels of the correcting network at full resolution, a multiple of 8."""
    multiples: tuple[Size, ...] = Field(default=(1, 2), min_length=1)
    """Channels of each level, in `dim`; all levels but the last halve the frame."""
    loss: Annotated[Literal["mse", "events"], FREE] = "events"
    """Of the forecast: the squared error, whose least is a smooth mean, or that of events."""
    events: Annotated[EventSettings, FREE] = EventSettings()
    """Used with loss "events"."""

    @property
    def factor(self) -> int:
        """How many pixels one cell of the coarsest level spans along an axis."""
        return 2 ** (len(self.multiples) - 1)

    @model_validator(mode="after")
    def _groups_divide_channels(self) -> AdvectionSettings:
        _require_multiple("dim", self.dim, 8, "groups of its norms")
        return self


def _require_pattern(name: str, pattern: str) -> None:
    try:
        cuboids_of(pattern, (1, 1, 1))
    except Refusal as refusal:
        raise ValueError(f"{name}: {str(refusal).removeprefix('patterns: ')}") from None


def _require_odd(name: str, size: int) -> None:
    if size % 2 == 0:
        raise ValueError(f"{name} has {size}, expected an odd size, which keeps the frame's")


def _require_multiple(name: str, value: int, of: int, what: str) -> None:
    if value % of:
        raise ValueError(f"{name} has {value}, which {of} ({what}) does not divide")
