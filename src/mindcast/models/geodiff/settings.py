"""The settings of GeoDiff; the defaults are the public network and the specification's design."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mindcast.config.frozen import Frozen, renamed
from mindcast.config.marks import FREE
from mindcast.config.numbers import Size
from mindcast.config.schema import Sampling
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.schedules import beta_schedule

LARGEST_BETA = 0.9999  # of the public schedule


class UNetSettings(Frozen):
    """The 3-D U-Net (Ho et al. 2022)."""

    dim: Size = 64
    """Channels at full resolution, even."""
    multiples: tuple[Size, ...] = Field(default=(1, 2, 4, 8), min_length=1)
    """Channels of each stage, in `dim`, finest first; all but the last halve the frame."""
    heads: Size = 8
    """Of every attention."""
    head_size: Size = 32
    """Channels of a head in attention over levels, even; within a frame it is 32."""
    linear_attention: bool = True
    """Attention of linear cost within the frame, in every stage."""
    first_kernel: Size = 7
    """Side of the first convolution, odd."""
    buckets: int = Field(default=32, ge=4)
    """Of relative positions of levels, for the bias of their attention; a multiple of 4."""
    max_distance: Size = 32
    """Levels from which on all distances share the last bucket."""
    upsample: Literal["transposed", "nearest_conv"] = "transposed"
    """The public network's is "transposed"; "nearest_conv" leaves no checkerboard."""
    padding_mode: Literal["zeros", "replicate"] = "zeros"
    """Beyond the frame: zeros, or the nearest cell for limited areas."""
    level_coordinate: Literal["index", "ln_p"] = "index"
    """Positions of the levels in their attention, by index or as ln p is spaced."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every stage, finest first."""
        return tuple(self.dim * multiple for multiple in self.multiples)

    @property
    def reduction(self) -> int:
        """What H and W must be divisible by."""
        return 2 ** (len(self.multiples) - 1)

    @model_validator(mode="after")
    def _sizes_are_possible(self) -> UNetSettings:
        if self.dim % 2 or self.dim < 4:
            raise ValueError(
                f"dim = {self.dim}: the step has dim / 2 frequencies, choose an even number from 4"
            )
        if self.head_size % 2:
            raise ValueError(f"head_size = {self.head_size}: features turn in pairs, make it even")
        if self.first_kernel % 2 == 0:
            raise ValueError(f"first_kernel = {self.first_kernel} has no centre, make it odd")
        if self.buckets % 4 or self.max_distance <= self.buckets // 4:
            raise ValueError(
                f"buckets = {self.buckets}, max_distance = {self.max_distance}: expected a multiple"
                " of 4, and a distance above a quarter of it"
            )
        return self


class PriorSettings(Frozen):
    """The physics priors (six fields and a flag) and their way into the networks."""

    use: bool = True
    """False leaves out the encoder and its zero convolutions."""
    source: Annotated[Literal["available", "winds", "geostrophic", "temperature_only"], FREE] = (
        "winds"  # free: other files may hold no wind
    )
    """The wind that they use, see `physics.priors`, or the best that a file has ("available")."""
    limit: float = Field(default=8.0, gt=0)
    """Standardised priors are clipped to [-limit, limit]."""


class LossSettings(Frozen):
    """L = L_d + physics (static J_s + gradient J_g + thickness J_c1 + correlation J_c2)."""

    charbonnier: Literal["element", "norm"] = "element"
    """L_d of every element, or one norm a sample."""
    delta: float = Field(default=1e-3, gt=0)
    """Rounding of the Charbonnier loss near 0, in normalised units."""
    physics: float = Field(default=0.1, ge=0)
    """Weight of all four physics terms together."""
    static: float = Field(default=1.0, ge=0)
    """Weight of J_s: layers less stable than those of the truth."""
    gradient: float = Field(default=0.5, ge=0)
    """Weight of J_g: errors of the gradients."""
    thickness: float = Field(default=0.25, ge=0)
    """Weight of J_c1: error of the thickness of layers."""
    correlation: float = Field(default=0.25, ge=0)
    """Weight of J_c2: error of the correlation between neighbouring levels."""
    vertical: float = Field(default=0.5, ge=0)
    """Weight of the vertical part in J_g; the horizontal one has 1."""
    area_weight: bool = False
    """cos(latitude) / mean in every term that is a mean over positions."""


class DiffusionSettings(Frozen):
    """The diffusion of the residual R = (T - T_det) / (scale sigma), cosine schedule."""

    timesteps: int = Field(default=1000, gt=0, le=100_000)
    """Noise levels of the process."""
    prediction: Literal["epsilon", "v", "x0"] = "epsilon"
    """What the denoiser predicts: the noise, the velocity, or the clean residual. Formerly
    `objective`, with "noise" for "epsilon"."""
    data_loss: Annotated[Literal["l1", "l2", "charbonnier"], FREE] = "l1"
    """Of its error."""
    scale: float = Field(default=4.0, gt=0)
    """Of the residual, in its standard deviations sigma on each level."""
    clip: float | None = Field(default=1.5, gt=0)
    """Bound of |R| in the estimate of clean data, in training and sampling; null: none. Keep it
    with "epsilon", which amplifies errors 64166-fold at the last of 1000 steps."""
    conditioning_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of training samples whose conditioning is dropped; needed for `guidance`."""
    guidance: Annotated[float, FREE] = Field(default=1.0, ge=0)
    """w in null + w (conditional - null) while sampling; 1: the conditional alone."""

    _condition_dropout = renamed("condition_dropout", "conditioning_dropout")
    _objective = renamed("objective", "prediction", {"noise": "epsilon", "v": "v", "x0": "x0"})

    def process(self) -> DiffusionProcess:
        """The process that these settings describe."""
        return DiffusionProcess(beta_schedule("cosine", self.timesteps, largest=LARGEST_BETA))

    def plan(self, sampling: Sampling) -> Plan:
        """The plan of a sampling; Refusal for an impossible one.

        Where spacing is "auto", the times of "ddim" include both ends, as in the reference. The
        other samplers jump evenly: a multistep one would extrapolate over the last, far longest
        jump of log(alpha / sigma).
        """
        spacing = sampling.spacing
        if spacing == "auto" and sampling.sampler == "ddim":
            spacing = "endpoints"
        return make_plan(sampling.sampler, self.process(), sampling.steps, sampling.eta, spacing)

    @property
    def clip_range(self) -> tuple[float, float] | None:
        """Bounds of the estimated clean residual, if any."""
        return None if self.clip is None else (-self.clip, self.clip)

    @model_validator(mode="after")
    def _guidance_has_learned_the_null(self) -> DiffusionSettings:
        if self.guidance != 1 and self.conditioning_dropout == 0:
            raise ValueError(
                f"guidance = {self.guidance} needs a network trained with conditioning_dropout > "
                "0; set that, or guidance = 1"
            )
        return self


class TileSettings(Frozen):
    """How domains beyond the memory are cut for the networks."""

    size: tuple[Size, Size]
    """(H, W) of a tile, fine cells."""
    overlap: Size
    """Fine cells by which tiles lie over each other at least, up to half a tile."""

    @model_validator(mode="after")
    def _half_a_tile_is_enough(self) -> TileSettings:
        if 2 * self.overlap > min(self.size):
            height, width = self.size
            raise ValueError(
                f"overlap = {self.overlap} is more than half of size = {height} x {width}; "
                "choose less overlap or larger tiles"
            )
        return self


class GeoDiffSettings(Frozen):
    """A whole GeoDiff: fine temperature on `levels_hpa` from coarse."""

    name: Literal["geodiff"]
    """Chooses this model."""
    levels_hpa: tuple[float, ...] = (1000, 925, 850, 700, 500, 400, 300, 200)
    """Pressure of the levels in hPa, from the ground upwards; two or more."""
    factor: int = Field(default=4, ge=2)
    """Fine cells along one coarse one."""
    frame_size: Annotated[tuple[Size, Size], FREE] = (64, 64)
    """(H, W) of the training crops, fine cells."""
    statics: bool = True
    """Whether the networks take orography, land-sea mask and sin(latitude)."""
    enforce_lr_mean: Annotated[bool, FREE] = False
    """Shift forecasts so that their block means are the coarse field."""
    tile: Annotated[TileSettings | None, FREE] = None
    """Forecast in overlapping tiles; null: every domain at once."""
    deterministic: UNetSettings = UNetSettings()
    """The network of the first stage, "deterministic"."""
    denoiser: UNetSettings = UNetSettings()
    """The network of the second, "diffusion"."""
    priors: PriorSettings = PriorSettings()
    """The physics priors."""
    loss: Annotated[LossSettings, FREE] = LossSettings()
    """The terms of the training loss, of both networks."""
    diffusion: DiffusionSettings = DiffusionSettings()
    """The diffusion process."""

    @property
    def reduction(self) -> int:
        """What the sides of a frame must be multiples of for both networks."""
        return max(self.deterministic.reduction, self.denoiser.reduction)

    @property
    def multiple(self) -> int:
        """What the sides of crops and tiles must be multiples of."""
        return self.factor * self.reduction

    @model_validator(mode="after")
    def _levels_rise(self) -> GeoDiffSettings:
        falls = all(a > b > 0 for a, b in pairwise(self.levels_hpa))
        if len(self.levels_hpa) < 2 or not falls:
            raise ValueError(
                f"levels_hpa = {list(self.levels_hpa)}, expected two or more pressures, falling"
            )
        return self

    @model_validator(mode="after")
    def _crops_and_tiles_fit_the_networks(self) -> GeoDiffSettings:
        sizes = {"frame_size": self.frame_size}
        if self.tile is not None:
            sizes["tile.size"] = self.tile.size
        for name, (height, width) in sizes.items():
            if height % self.multiple or width % self.multiple:
                raise ValueError(
                    f"{name} = {height} x {width}, expected multiples of {self.multiple}, the "
                    "factor times the reduction of the networks' stages"
                )
        return self
