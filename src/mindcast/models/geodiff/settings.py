"""The settings of GeoDiff; the defaults are the public network and the specification's design."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.frozen import Frozen
from mindcast.config.schema import Sampling
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.schedules import beta_schedule

LARGEST_BETA = 0.9999  # of the public schedule


class UNetSettings(Frozen):
    """The 3-D U-Net (Ho et al. 2022): widths are `dim` times each of `multiples`.

    heads: of every attention; head_size: over levels only, within a frame it is 32.
    upsample: "transposed" is the public network, "nearest_conv" leaves no checkerboard.
    level_coordinate: positions of the levels in their attention, by index or evenly in ln p.
    """

    dim: PositiveInt = 64
    multiples: tuple[PositiveInt, ...] = Field(default=(1, 2, 4, 8), min_length=1)
    heads: PositiveInt = 8
    head_size: PositiveInt = 32
    linear_attention: bool = True
    first_kernel: PositiveInt = 7
    buckets: int = Field(default=32, ge=4)
    max_distance: PositiveInt = 32
    upsample: Literal["transposed", "nearest_conv"] = "transposed"
    padding_mode: Literal["zeros", "replicate"] = "zeros"
    level_coordinate: Literal["index", "ln_p"] = "index"

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
    """The physics priors (six fields and a flag) and their way into the networks.

    source: the wind they use, see `physics.priors`, or the best that a file has ("available").
    limit: standardised priors are clipped to [-limit, limit]. use: False leaves out the encoder and
    its zero convolutions.
    """

    use: bool = True
    source: Literal["available", "winds", "geostrophic", "temperature_only"] = "winds"
    limit: float = Field(default=8.0, gt=0)


class LossSettings(Frozen):
    """L = L_d + physics (static J_s + gradient J_g + thickness J_c1 + correlation J_c2).

    charbonnier: L_d of every element, or one norm a sample. delta: its rounding, normalised units.
    vertical: share of the vertical part in J_g. area_weight: cos(latitude) / mean in every term
    that is a mean over positions.
    """

    charbonnier: Literal["element", "norm"] = "element"
    delta: float = Field(default=1e-3, gt=0)
    physics: float = Field(default=0.1, ge=0)
    static: float = Field(default=1.0, ge=0)
    gradient: float = Field(default=0.5, ge=0)
    thickness: float = Field(default=0.25, ge=0)
    correlation: float = Field(default=0.25, ge=0)
    vertical: float = Field(default=0.5, ge=0)
    area_weight: bool = False


class DiffusionSettings(Frozen):
    """The diffusion of the residual R = (T - T_det) / (scale sigma), cosine schedule.

    objective: what the denoiser says. data_loss: of its error. clip: bound of |R| in the estimate
    of clean data, None for none; keep it with "noise", which amplifies errors 64166-fold at the
    last of 1000 steps. condition_dropout: share of training samples whose condition is hidden;
    guidance: w in null + w (conditional - null) while sampling.
    """

    timesteps: PositiveInt = 1000
    objective: Literal["noise", "v", "x0"] = "noise"
    data_loss: Literal["l1", "l2", "charbonnier"] = "l1"
    scale: float = Field(default=4.0, gt=0)
    clip: float | None = Field(default=1.5, gt=0)
    condition_dropout: float = Field(default=0.0, ge=0, lt=1)
    guidance: float = Field(default=1.0, ge=0)

    def process(self) -> DiffusionProcess:
        """The process that these settings describe."""
        return DiffusionProcess(beta_schedule("cosine", self.timesteps, largest=LARGEST_BETA))

    def plan(self, sampling: Sampling) -> Plan:
        """The plan of a sampling; Refusal for an impossible one.

        The times of "ddim" include both ends, as in the reference. The other samplers jump evenly:
        a multistep one would extrapolate over the last, far longest jump of log(alpha / sigma).
        """
        spacing = "endpoints" if sampling.sampler == "ddim" else "even"
        return make_plan(sampling.sampler, self.process(), sampling.steps, sampling.eta, spacing)

    @property
    def prediction(self) -> str:
        """The objective under the name of `mindcast.diffusion.prediction`."""
        return "epsilon" if self.objective == "noise" else self.objective

    @property
    def limits(self) -> tuple[float, float] | None:
        """Bounds of the estimated clean residual, if any."""
        return None if self.clip is None else (-self.clip, self.clip)

    @model_validator(mode="after")
    def _guidance_has_learned_the_null(self) -> DiffusionSettings:
        if self.guidance != 1 and self.condition_dropout == 0:
            raise ValueError(
                f"guidance = {self.guidance} needs a network trained with condition_dropout > 0; "
                "set that, or guidance = 1"
            )
        return self


class TileSettings(Frozen):
    """How domains beyond the memory are cut for the networks: (H, W) of a tile, and by how many
    cells tiles lie over each other at least, both on the fine grid."""

    size: tuple[PositiveInt, PositiveInt]
    overlap: PositiveInt

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
    """A whole GeoDiff: fine temperature on `levels_hpa` (from the ground upwards) from coarse.

    factor: fine cells along one coarse one. frame_size: (H, W) of the training crops, fine cells.
    statics: whether the networks see orography, land-sea mask and sin(latitude).
    enforce_lr_mean: shift forecasts so that their block means are the coarse field.
    tile: forecast in overlapping tiles; none: every domain at once.
    """

    name: Literal["geodiff"]
    levels_hpa: tuple[float, ...] = (1000, 925, 850, 700, 500, 400, 300, 200)
    factor: int = Field(default=4, ge=2)
    frame_size: tuple[PositiveInt, PositiveInt] = (64, 64)
    statics: bool = True
    enforce_lr_mean: bool = False
    tile: TileSettings | None = None
    deterministic: UNetSettings = UNetSettings()
    denoiser: UNetSettings = UNetSettings()
    priors: PriorSettings = PriorSettings()
    loss: LossSettings = LossSettings()
    diffusion: DiffusionSettings = DiffusionSettings()

    @property
    def multiple(self) -> int:
        """What H and W must be multiples of."""
        return self.factor * max(self.deterministic.reduction, self.denoiser.reduction)

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
