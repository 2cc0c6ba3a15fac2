"""The settings of DiffCast; the defaults are the released configuration."""

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
from mindcast.models.diffcast.backbones import check_backbone
from mindcast.models.diffcast.backbones.settings import (
    AdvectionSettings,
    ConvGRUSettings,
    EarthformerSettings,
    PhyDNetSettings,
    SimVPSettings,
)
from mindcast.motion.settings import MOVED_CHANNELS, MotionSettings

WIDTH_UNIT = 8  # channels a group of the group norms, and at least that many groups
SCHEDULES = {"sigmoid": "sigmoid", "cosine": "cosine", "linear": "linear_rescaled"}


class DenoiserSettings(Frozen):
    """Widths of the denoiser and of the context network, which meet at every level."""

    dim: Size = 64
    """Channels at full resolution, a multiple of 8."""
    multiples: tuple[Size, ...] = Field(default=(1, 2, 4, 8), min_length=1)
    """Channels after each level, in `dim`; all levels but the last halve the frame."""
    sees_forecast: bool = False
    """Whether the denoiser of a segment sees the deterministic forecast of its frames and what it
    was made from; false as published: it knows them through the context network alone."""

    @property
    def reduction(self) -> int:
        """How many pixels one cell of the coarsest level spans along an axis."""
        return 2 ** (len(self.multiples) - 1)

    @model_validator(mode="after")
    def _groups_divide_channels(self) -> DenoiserSettings:
        if self.dim % WIDTH_UNIT:
            raise ValueError(
                f"dim = {self.dim}, expected a multiple of {WIDTH_UNIT}, the number of groups that "
                "are normalised together"
            )
        return self


class ContextNetSettings(Frozen):
    """The context network."""

    use: bool = True
    """Whether there is one; false leaves the denoiser with what `denoiser.sees_forecast` gives."""
    local_index: int | None = Field(default=None, ge=0)
    """The frame, counted from 0 over context and forecast, whose state is the context of the first
    segment; null: the first forecast frame (5 in the released configurations)."""


class DiffusionSettings(Frozen):
    """The diffusion of the residual and its training objective (Yu et al. 2024)."""

    schedule: Literal["sigmoid", "cosine", "linear"] = "sigmoid"
    """Of the noise; "linear" scales its betas by 1000 / `timesteps`."""
    timesteps: int = Field(default=1000, gt=0, le=100_000)
    """Noise levels of the process."""
    prediction: Literal["v", "epsilon", "x0"] = "v"
    """What the denoiser predicts: the velocity, the noise, or the clean residual."""
    residual_scale: float = Field(default=2.0, gt=0)
    """What the residual (truth - forecast), in the data's range, is multiplied by before it is
    diffused; 2 as published, 1 / its standard deviation for noise levels that fit small ones."""
    clip: float | None = Field(default=1.0, gt=0)
    """Bound of |estimated residual| while sampling, after `residual_scale`; null: none.
    1 as the released checkpoints are used; an error of more than half the range needs 2.
    Formerly `residual_clip`."""
    weighting: Annotated[Literal["none", "snr", "min_snr"], FREE] = "none"
    """Of a segment's error by its noise level, "snr" and "min_snr" as in
    `diffusion.prediction.snr_weights`. "none" because Yu et al. name no weight."""
    min_snr_gamma: Annotated[float, FREE] = Field(default=5.0, gt=0)
    """Largest signal-to-noise ratio that "min_snr" counts."""
    shared_time: Annotated[bool, FREE] = False
    """One noise level for all segments of a sample; false: more levels in each step."""
    conditioning_noise: Annotated[float, FREE] = Field(default=0.0, ge=0)
    """Standard deviation of noise added in training to the true residual that the next segment is
    conditioned on; 0 as published, more prepares for sampled, hence wrong, residuals."""

    _condition_noise = renamed("condition_noise", "conditioning_noise")
    _residual_clip = renamed("residual_clip", "clip")

    def process(self) -> DiffusionProcess:
        """The process that these settings describe."""
        return DiffusionProcess(beta_schedule(SCHEDULES[self.schedule], self.timesteps))

    def plan(self, sampling: Sampling) -> Plan:
        """The plan of a sampling; Refusal for an impossible one."""
        return make_plan(
            sampling.sampler, self.process(), sampling.steps, sampling.eta, sampling.spacing
        )

    @property
    def clip_range(self) -> tuple[float, float] | None:
        """Limits of the estimated residual, if any."""
        return None if self.clip is None else (-self.clip, self.clip)


class DiffCastSettings(Frozen):
    """A whole DiffCast: a sequence of context frames -> the target frames that follow."""

    name: Literal["diffcast"]
    """Chooses this model."""
    frame_size: tuple[Size, Size] = (128, 128)
    """(H, W) of a frame, pixels."""
    context_frames: Size = 5
    """Frames that a forecast starts from."""
    target_frames: Size = 20
    """Frames that it predicts, in whole segments of `context_frames`."""
    stride: Annotated[Size, FREE] = 5
    """Frames between the starts of two sequences cut from one event."""
    patch: Size = 1
    """Side of the blocks of pixels that enter all networks as channels. p makes them p^2 times
    cheaper at full resolution; 1 as published."""
    backbone: Literal["simvp", "phydnet", "convgru", "earthformer", "advection"] = "simvp"
    """Which deterministic network, each with its own section of settings."""
    simvp: SimVPSettings = SimVPSettings()
    """Used with backbone "simvp"."""
    phydnet: PhyDNetSettings = PhyDNetSettings()
    """Used with backbone "phydnet"."""
    convgru: ConvGRUSettings = ConvGRUSettings()
    """Used with backbone "convgru"."""
    earthformer: EarthformerSettings = EarthformerSettings()
    """Used with backbone "earthformer"."""
    advection: AdvectionSettings = AdvectionSettings()
    """Used with backbone "advection"."""
    denoiser: DenoiserSettings = DenoiserSettings()
    """The network of the diffusion."""
    context_net: ContextNetSettings = ContextNetSettings()
    """The network that gives the denoiser its context."""
    diffusion: DiffusionSettings = DiffusionSettings()
    """The diffusion process."""
    alpha: Annotated[float, FREE] = Field(default=0.5, ge=0, le=1)
    """Weight of the deterministic loss; the diffusion loss has 1 - alpha. 0.5 as published."""
    warm_start: Annotated[bool, FREE] = True
    """Begin the joint training from the trained backbone where there is one; its training is not
    lost then. False, or no backbone: from scratch, as published."""
    freeze_backbone: Annotated[bool, FREE] = False
    """Train denoiser and context network alone. False as published: end to end. An "advection"
    that is frozen without `warm_start` is the extrapolation."""

    @property
    def segments(self) -> int:
        """How many pieces of `context_frames` frames the target is cut into."""
        return self.target_frames // self.context_frames

    @property
    def cell(self) -> int:
        """Pixels along a side of what the networks see as one."""
        return self.patch

    @property
    def network_frame(self) -> tuple[int, int]:
        """(H, W) of a frame as the networks see it."""
        return self.frame_size[0] // self.patch, self.frame_size[1] // self.patch

    @property
    def channels(self) -> int:
        """Channels of a frame as the networks see it."""
        return self.patch**2

    @property
    def motion(self) -> MotionSettings | None:
        """How the context is extrapolated, if the backbone takes that instead of the context."""
        return self.advection.motion if self.backbone == "advection" else None

    @property
    def guide_channels(self) -> int:
        """Channels of a frame that the denoiser sees beside the noise, see `sees_forecast`."""
        seen = 1 if self.motion is None else 1 + MOVED_CHANNELS
        return seen * self.channels if self.denoiser.sees_forecast else 0

    @property
    def local_index(self) -> int:
        """The frame whose state is the context of the first segment."""
        given = self.context_net.local_index
        return self.context_frames if given is None else given

    @property
    def backbone_settings(self) -> Frozen:
        """The section of the chosen backbone."""
        return {
            "simvp": self.simvp,
            "phydnet": self.phydnet,
            "convgru": self.convgru,
            "earthformer": self.earthformer,
            "advection": self.advection,
        }[self.backbone]

    @model_validator(mode="after")
    def _target_is_whole_segments(self) -> DiffCastSettings:
        if self.target_frames % self.context_frames:
            raise ValueError(
                f"target_frames = {self.target_frames} is not a multiple of context_frames = "
                f"{self.context_frames}, the length of a segment; change one of them"
            )
        return self

    @model_validator(mode="after")
    def _frames_can_be_halved(self) -> DiffCastSettings:
        (height, width), reduction = self.frame_size, self.patch * self.denoiser.reduction
        if height % reduction or width % reduction:
            patches = f" of {self.patch} x {self.patch} patches" if self.patch > 1 else ""
            raise ValueError(
                f"frame_size = {height} x {width} is not divisible by {reduction}, the reduction "
                f"of {len(self.denoiser.multiples)} levels (denoiser.multiples){patches}"
            )
        return self

    @model_validator(mode="after")
    def _backbone_can_forecast_them(self) -> DiffCastSettings:
        check_backbone(
            self.backbone,
            self.backbone_settings,
            self.context_frames,
            self.target_frames,
            self.network_frame,
        )
        return self

    @model_validator(mode="after")
    def _local_context_exists(self) -> DiffCastSettings:
        frames = self.context_frames + self.target_frames
        if self.local_index >= frames:
            raise ValueError(
                f"context_net.local_index = {self.local_index}: there are {frames} frames, "
                f"expected 0 to {frames - 1}"
            )
        return self

    @model_validator(mode="after")
    def _denoiser_sees_something(self) -> DiffCastSettings:
        if not self.context_net.use and not self.denoiser.sees_forecast:
            raise ValueError(
                "context_net.use = false leaves the denoiser without any conditioning; set "
                "denoiser.sees_forecast = true"
            )
        return self

    @model_validator(mode="after")
    def _frozen_backbone_is_trained(self) -> DiffCastSettings:
        if self.freeze_backbone and not self.warm_start and self.motion is None:
            raise ValueError(
                "freeze_backbone = true with warm_start = false would freeze random weights; "
                "set warm_start = true"
            )
        return self
