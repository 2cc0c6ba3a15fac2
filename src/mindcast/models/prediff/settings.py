"""The settings of PreDiff; the defaults are the released configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mindcast.config.frozen import Frozen, renamed
from mindcast.config.marks import FREE
from mindcast.config.numbers import Size
from mindcast.config.schema import Sampling
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.schedules import beta_schedule
from mindcast.layers.cuboid_patterns import cuboids_of
from mindcast.motion.settings import MOVED_CHANNELS, MotionSettings

Probability = Field(default=0.1, ge=0.0, lt=1.0)
Shape = tuple[int, int, int, int]


class AutoencoderSettings(Frozen):
    """The frame autoencoder: (H, W, 1) frames to (H/f, W/f, latent) and back."""

    latent_channels: Size = 64
    """Channels of an encoded frame."""
    block_channels: tuple[Size, ...] = Field(default=(128, 256, 512, 512), min_length=1)
    """Channels of each block, finest first; all but the last halve the frame."""
    layers_per_block: Size = 2
    """Residual blocks in each encoder block; the decoder has one more."""
    norm_groups: Size = 32
    """Groups of the group norms; must divide every entry of `block_channels`."""

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
    """The training objective of the autoencoder (Esser et al. 2021)."""

    kl_weight: float = Field(default=1e-6, ge=0)
    """Weight of the KL divergence from the standard normal."""
    perceptual_weight: float = Field(default=0.0, ge=0)
    """Weight of the LPIPS distance beside the absolute error; 0: none."""
    perceptual_weights_path: str = ""
    """.npz or .ckpt with the weights of VGG16 and LPIPS; needed where `perceptual_weight` > 0."""
    weight: float = Field(default=0.5, ge=0)
    """Target ratio of adversarial to reconstruction gradient at the decoder's last layer."""
    factor: float = Field(default=1.0, ge=0)
    """Multiplies the adversarial terms of both networks; 0: none."""
    start: int = Field(default=25000, ge=0)
    """Generator step at which the discriminator joins. Differs: the reference's counter advances by
    two a step, its 50001 is the 25000 here."""
    layers: int = Field(default=3, gt=0, le=16)
    """Halving convolutions of the discriminator."""
    channels: Size = 64
    """Channels after its first convolution; they double up to eightfold."""
    loss: Literal["hinge", "vanilla"] = "hinge"
    """Of the discriminator: "hinge", or "vanilla" for the logistic one."""


class CuboidSettings(Frozen):
    """What the denoiser and the alignment network share: a pyramid of cuboid attention."""

    base_units: Size = 256
    """Channels of the finest level."""
    scale_alpha: float = Field(default=1.0, gt=0, le=8)
    """Channels grow by int(`downsample`^`scale_alpha`) from level to level."""
    depth: tuple[Size, ...] = Field(default=(4, 4), min_length=1)
    """Blocks of each level, finest first."""
    heads: Size = 4
    """Of every attention; must divide the channels of every level."""
    patterns: str | tuple[str, ...] = "axial"
    """Cuboids of a block: one name for all levels or one a level, see
    `mindcast.layers.cuboid_patterns`."""
    padding: Literal["zeros", "ignore", "nearest"] = "zeros"
    """What fills a grid that cuboids do not divide; "ignore": zeros that are masked in
    attention."""
    attention_dropout: Annotated[float, FREE] = Probability
    """Dropout of the attention weights."""
    projection_dropout: Annotated[float, FREE] = Probability
    """Dropout after attention and in the first projection."""
    ffn_dropout: Annotated[float, FREE] = Probability
    """Dropout in the feed-forward networks."""
    ffn_activation: Literal["gelu", "leaky", "relu"] = "gelu"
    """Of the feed-forward networks; "leaky": leaky ReLU."""
    gated_ffn: bool = False
    """Whether the feed-forward networks multiply by a gate of the input."""
    ffn_after_each_attention: bool = True
    """A feed-forward network after each attention of a block; else one after all."""
    relative_position: bool = True
    """A learned bias of attention by relative position."""
    attention_projection: bool = True
    """A linear layer after each attention."""
    downsample: int = Field(default=2, gt=0, le=64)
    """Factor of height and width from level to level."""
    position_embedding: Literal["t+h+w", "t+hw"] = "t+h+w"
    """Learned positions: one table an axis, or one for time and one for the frame."""
    time_embedding_multiple: Size = 4
    """Width of the embedded diffusion step, in `base_units`."""
    scale_shift: bool = False
    """The diffusion step scales and shifts normalised features; else it is added."""

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
    """Whether levels going up get the output of those going down."""
    upsample_kernel: Size = 3
    """Side of the convolution after upsampling, in cells."""


class AlignmentSettings(CuboidSettings):
    """The network of knowledge alignment, which reads noisy latents (Gao et al. 2023)."""

    base_units: Size = 128
    depth: tuple[Size, ...] = Field(default=(1, 1), min_length=1)
    out_channels: Size = 1
    """Values read out; the forecast is steered by the mean intensity, 1."""
    read_out_per_frame: bool = True
    """One value a frame (released) or one for the whole sequence."""


class DiffusionSettings(Frozen):
    """The diffusion process in latent space and its training objective (Gao et al. 2023)."""

    schedule: Literal["linear", "sqrt_linear", "cosine", "sqrt"] = "linear"
    """Of the noise: beta rises linearly in its root ("linear") or itself ("sqrt_linear"), see
    `mindcast.diffusion.schedules`."""
    timesteps: int = Field(default=1000, gt=0, le=100_000)
    """Noise levels of the process."""
    linear_start: float = Field(default=1e-4, gt=0, lt=1)
    """First beta, where the schedule has one (all but "cosine")."""
    linear_end: float = Field(default=2e-2, gt=0, lt=1)
    """Last beta, likewise; not below `linear_start`."""
    prediction: Literal["epsilon", "x0", "v"] = "epsilon"
    """What the denoiser predicts: the noise, the clean latent, or the velocity."""
    loss: Annotated[Literal["l1", "l2"], FREE] = "l2"
    """Of its error: absolute or squared."""
    learn_logvar: Annotated[bool, FREE] = True
    """Whether the weight exp(-logvar[t]) of each noise level's error is trained."""
    scale_factor: float = Field(default=1.0, gt=0)
    """Multiplies the latents of the frames to be forecast, not those of the context."""
    clip: float | None = Field(default=None, gt=0)
    """Bound of |estimated clean latent| while sampling; null: none. Formerly `clip_denoised`: true
    was 1, false null."""
    l_simple_weight: Annotated[float, FREE] = Field(default=1.0, ge=0)
    """Weight of the error that counts all noise levels alike but for logvar."""
    elbo_weight: Annotated[float, FREE] = Field(default=0.0, ge=0)
    """Weight of the error weighted as in the variational bound."""

    _clip_denoised = renamed("clip_denoised", "clip", {True: 1.0, False: None})

    def process(self) -> DiffusionProcess:
        """The process that these settings describe."""
        return DiffusionProcess(
            beta_schedule(self.schedule, self.timesteps, self.linear_start, self.linear_end)
        )

    def plan(self, sampling: Sampling) -> Plan:
        """The plan of a sampling; Refusal for an impossible one."""
        return make_plan(
            sampling.sampler, self.process(), sampling.steps, sampling.eta, sampling.spacing
        )

    @property
    def clip_range(self) -> tuple[float, float] | None:
        """Limits of the estimated clean latent, if any."""
        return None if self.clip is None else (-self.clip, self.clip)

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
    """Strength of the steering: multiplies the gradient of the misfit; 0: none."""
    target: Literal["truth", "context", "value"] = "truth"
    """Where the anticipated intensity comes from; "truth" needs the future."""
    factor: float = Field(default=2.0, ge=0)
    """Multiplies the mean of the truth or of the context."""
    value: float | None = None
    """The anticipated mean intensity in the data's scale [0, 1]; with target "value" and only
    there."""

    @model_validator(mode="after")
    def _value_is_given(self) -> GuidanceSettings:
        if (self.target == "value") != (self.value is not None):
            raise ValueError(
                f"target = {self.target!r} with value = {self.value}; a value goes with "
                "target = 'value', and only with it"
            )
        return self


class LatentMotionSettings(MotionSettings):
    """Motion as conditioning of the denoiser, beside the context."""

    difference: bool = True
    """Diffuse the difference of the latents to those of the extrapolated frames, and change these
    frames by what it decodes to: with prediction "x0" an untrained denoiser then forecasts the
    extrapolation. False: diffuse the latents themselves, as published."""


class PreDiffSettings(Frozen):
    """A whole PreDiff: a sequence of context frames -> the target frames that follow."""

    name: Literal["prediff"]
    """Chooses this model."""
    frame_size: tuple[Size, Size] = (128, 128)
    """(H, W) of a frame, pixels."""
    context_frames: Size = 7
    """Frames that a forecast starts from."""
    target_frames: Size = 6
    """Frames that it predicts."""
    stride: Annotated[Size, FREE] = 6
    """Frames between the starts of two sequences cut from one event."""
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    """Of the frames; stage "vae"."""
    adversary: Annotated[AdversarySettings, FREE] = AdversarySettings()
    """The objective that the autoencoder is trained with."""
    denoiser: DenoiserSettings = DenoiserSettings()
    """The network of the diffusion; stage "diffusion"."""
    alignment: AlignmentSettings = AlignmentSettings()
    """The network that anticipates the intensity; stage "alignment"."""
    diffusion: DiffusionSettings = DiffusionSettings()
    """The diffusion process."""
    guidance: Annotated[GuidanceSettings, FREE] = GuidanceSettings()
    """How the alignment network steers forecasts."""
    motion: LatentMotionSettings | None = None
    """Whether the frames extrapolated along the motion are conditioning too; null as published."""

    @property
    def cell(self) -> int:
        """Pixels along a side of what is one cell of a latent."""
        return self.autoencoder.factor

    @property
    def latent_chw(self) -> tuple[int, int, int]:
        """(c, h, w) of one encoded frame."""
        (height, width), factor = self.frame_size, self.autoencoder.factor
        return self.autoencoder.latent_channels, height // factor, width // factor

    @property
    def guide_channels(self) -> int:
        """Channels of what motion gives the denoiser of every frame to be forecast, 0: none.

        The latents of the extrapolated frame, and block means of its other channels.
        """
        if self.motion is None:
            return 0
        return self.autoencoder.latent_channels + MOVED_CHANNELS - 1

    @property
    def diffuses_difference(self) -> bool:
        """Whether what is diffused is the difference to the latents of the extrapolated frames."""
        return self.motion is not None and self.motion.difference

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
