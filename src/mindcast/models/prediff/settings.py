"""The settings of PreDiff; the defaults are the released configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.frozen import Frozen
from mindcast.config.schema import Sampling
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.schedules import beta_schedule
from mindcast.layers.cuboid_patterns import cuboids_of

Probability = Field(default=0.1, ge=0.0, lt=1.0)
Shape = tuple[int, int, int, int]


class AutoencoderSettings(Frozen):
    """The frame autoencoder: (H, W, 1) frames to (H/f, W/f, latent) and back."""

    latent_channels: PositiveInt = 64
    block_channels: tuple[PositiveInt, ...] = Field(default=(128, 256, 512, 512), min_length=1)
    layers_per_block: PositiveInt = 2
    norm_groups: PositiveInt = 32

    @property
    def factor(self) -> int:
        """How many pixels one latent cell spans along an axis."""
        return 2 ** (len(self.block_channels) - 1)

    @model_validator(mode="after")
    def _groups_divide_channels(self) -> AutoencoderSettings:
        for channels in self.block_channels:
            if channels % self.norm_groups:
                raise ValueError(
                    f"block_channels has {channels}, which norm_groups = {self.norm_groups} "
                    "does not divide; choose multiples of it"
                )
        return self


class AdversarySettings(Frozen):
    """The training objective of the autoencoder (Esser et al. 2021).

    start: the generator step at which the discriminator joins. Differs: the reference's counter
    advances by two a step, its 50001 is the 25000 here.
    """

    kl_weight: float = Field(default=1e-6, ge=0)
    perceptual_weight: float = Field(default=0.0, ge=0)
    perceptual_weights_path: str = ""
    weight: float = Field(default=0.5, ge=0)
    factor: float = Field(default=1.0, ge=0)
    start: int = Field(default=25000, ge=0)
    layers: PositiveInt = 3
    channels: PositiveInt = 64
    loss: Literal["hinge", "vanilla"] = "hinge"


class CuboidSettings(Frozen):
    """What the denoiser and the alignment network share: a pyramid of cuboid attention.

    patterns: one name for all levels or one a level; see `mindcast.layers.cuboid_patterns`.
    """

    base_units: PositiveInt = 256
    scale_alpha: float = Field(default=1.0, gt=0)
    depth: tuple[PositiveInt, ...] = Field(default=(4, 4), min_length=1)
    heads: PositiveInt = 4
    patterns: str | tuple[str, ...] = "axial"
    padding: Literal["zeros", "ignore", "nearest"] = "zeros"
    attention_dropout: float = Probability
    projection_dropout: float = Probability
    ffn_dropout: float = Probability
    ffn_activation: Literal["gelu", "leaky", "relu"] = "gelu"
    gated_ffn: bool = False
    ffn_after_each_attention: bool = True
    relative_position: bool = True
    attention_projection: bool = True
    downsample: PositiveInt = 2
    position_embedding: Literal["t+h+w", "t+hw"] = "t+h+w"
    time_embedding_multiple: PositiveInt = 4
    scale_shift: bool = False

    @property
    def units(self) -> tuple[int, ...]:
        """Channels of every level, finest first."""
        ratio = self.downsample**self.scale_alpha
        return tuple(self.base_units * int(ratio**level) for level in range(len(self.depth)))

    @property
    def level_patterns(self) -> tuple[str, ...]:
        """One pattern name a level."""
        if isinstance(self.patterns, str):
            return (self.patterns,) * len(self.depth)
        return self.patterns

    @model_validator(mode="after")
    def _levels_agree(self) -> CuboidSettings:
        if len(self.level_patterns) != len(self.depth):
            raise ValueError(
                f"patterns has {len(self.level_patterns)} names, depth has {len(self.depth)} "
                "levels; give one name or one a level"
            )
        for pattern in self.level_patterns:
            cuboids_of(pattern, (1, 1, 1))  # refuses an unknown name
        for units in self.units:
            if units % self.heads:
                raise ValueError(
                    f"base_units = {self.base_units} gives a level of {units} channels, "
                    f"which heads = {self.heads} does not divide"
                )
        return self


class DenoiserSettings(CuboidSettings):
    """The Earthformer-UNet (Gao et al. 2022, 2023)."""

    skip_connections: bool = True
    upsample_kernel: PositiveInt = 3


class AlignmentSettings(CuboidSettings):
    """The network of knowledge alignment, which reads noisy latents (Gao et al. 2023).

    read_out_per_frame: one value a frame (released) or one for the whole block.
    """

    base_units: PositiveInt = 128
    depth: tuple[PositiveInt, ...] = Field(default=(1, 1), min_length=1)
    out_channels: PositiveInt = 1
    read_out_per_frame: bool = True


class DiffusionSettings(Frozen):
    """The diffusion process in latent space and its training objective (Gao et al. 2023).

    schedule: a name of `mindcast.diffusion.schedules`. scale_factor: multiplies every latent.
    learn_logvar: whether the weight exp(-logvar[t]) of each time's error is trained.
    clip_denoised: limit the estimated clean latent to [-1, 1] while sampling.
    """

    schedule: Literal["linear", "sqrt_linear", "cosine", "sqrt"] = "linear"
    timesteps: PositiveInt = 1000
    linear_start: float = Field(default=1e-4, gt=0, lt=1)
    linear_end: float = Field(default=2e-2, gt=0, lt=1)
    prediction: Literal["epsilon", "x0", "v"] = "epsilon"
    loss: Literal["l1", "l2"] = "l2"
    learn_logvar: bool = True
    scale_factor: float = Field(default=1.0, gt=0)
    clip_denoised: bool = False
    l_simple_weight: float = Field(default=1.0, ge=0)
    elbo_weight: float = Field(default=0.0, ge=0)

    def process(self) -> DiffusionProcess:
        """The process that these settings describe."""
        return DiffusionProcess(
            beta_schedule(self.schedule, self.timesteps, self.linear_start, self.linear_end)
        )

    def plan(self, sampling: Sampling) -> Plan:
        """The plan of a sampling; Refusal for an impossible one."""
        return make_plan(sampling.sampler, self.process(), sampling.steps, sampling.eta)

    @property
    def clip(self) -> tuple[float, float] | None:
        """Limits of the estimated clean latent, if any."""
        return (-1.0, 1.0) if self.clip_denoised else None

    @model_validator(mode="after")
    def _noise_grows(self) -> DiffusionSettings:
        if self.linear_start > self.linear_end:
            raise ValueError(
                f"linear_start = {self.linear_start} exceeds linear_end = {self.linear_end}; "
                "noise must grow with time"
            )
        return self


class GuidanceSettings(Frozen):
    """Where knowledge alignment steers a forecast to, and how hard (Gao et al. 2023).

    The anticipated mean intensity in [0, 1] is `factor` x the mean of the true future ("truth",
    as in the released demonstration), of the context ("context"), or `value` ("value").
    """

    scale: float = Field(default=50.0, ge=0)
    target: Literal["truth", "context", "value"] = "truth"
    factor: float = Field(default=2.0, ge=0)
    value: float | None = None

    @model_validator(mode="after")
    def _value_is_given(self) -> GuidanceSettings:
        if (self.target == "value") != (self.value is not None):
            raise ValueError(
                f"target = {self.target!r} with value = {self.value}; a value goes with "
                "target = 'value', and only with it"
            )
        return self


class PreDiffSettings(Frozen):
    """A whole PreDiff: `context_frames` frames of `frame_size` (H, W) -> `target_frames` frames.

    stride: frames between the starts of two sequences cut from one event.
    """

    name: Literal["prediff"]
    frame_size: tuple[PositiveInt, PositiveInt] = (128, 128)
    context_frames: PositiveInt = 7
    target_frames: PositiveInt = 6
    stride: PositiveInt = 6
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    adversary: AdversarySettings = AdversarySettings()
    denoiser: DenoiserSettings = DenoiserSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    diffusion: DiffusionSettings = DiffusionSettings()
    guidance: GuidanceSettings = GuidanceSettings()

    @property
    def latent_chw(self) -> tuple[int, int, int]:
        """(c, h, w) of one encoded frame."""
        (height, width), factor = self.frame_size, self.autoencoder.factor
        return self.autoencoder.latent_channels, height // factor, width // factor

    def latent_shape(self, frames: int) -> Shape:
        """(T, h, w, c) of encoded frames."""
        channels, height, width = self.latent_chw
        return frames, height, width, channels

    @model_validator(mode="after")
    def _discriminator_sees_something(self) -> PreDiffSettings:
        side = min(self.frame_size) // 2**self.adversary.layers
        if self.adversary.weight > 0 and side < 3:
            raise ValueError(
                f"adversary.layers = {self.adversary.layers} leaves {side} pixels a side of "
                f"{min(self.frame_size)}, at least 3 are needed; use fewer layers"
            )
        return self

    @model_validator(mode="after")
    def _frames_fit_the_autoencoder(self) -> PreDiffSettings:
        (height, width), factor = self.frame_size, self.autoencoder.factor
        if height % factor or width % factor:
            raise ValueError(
                f"frame_size = {height} x {width} is not divisible by {factor}, the reduction of "
                f"{len(self.autoencoder.block_channels)} autoencoder blocks"
            )
        return self
