"""The settings of GeoDiff; the defaults are the public network and the specification's design."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from src.config.frozen import Frozen
from src.diffusion.process import DiffusionProcess
from src.diffusion.schedules import beta_schedule

Weight = Field(default=0.0, ge=0)


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
