"""The settings of motion in a model: how it is found, and how much members differ in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mindcast.config.frozen import Frozen
from mindcast.config.marks import FREE
from mindcast.config.numbers import Size

MOVED_CHANNELS = 3  # of a frame of `motion.moved`


class MotionSettings(Frozen):
    """Motion of the context, along which its last frame is extrapolated."""

    method: Literal["dis", "lucas_kanade"] = "dis"
    """How the field is found: dense inverse search, or pysteps' Lucas-Kanade."""
    inflow: Literal["edge", "zero", "drawn"] = "drawn"
    """What flows in from outside the frame: the value of the nearest edge, none, or, drawn by each
    member, what lies behind the edge (of the best estimate the nearest edge)."""
    spread: Annotated[float, FREE] = Field(default=0.4, ge=0, le=64)
    """Standard deviation of a member's error in the motion of the whole frame, along each axis, in
    pixels per frame; places err by it times the lead time in frames."""
    local_spread: Annotated[float, FREE] = Field(default=0.2, ge=0, le=64)
    """The same of an error that differs from place to place."""
    local_scale: Annotated[float, FREE] = Field(default=0.2, gt=0, le=1)
    """Distance over which that error stays alike (0.78 correlated), as a share of the frame's
    shorter side."""
    start_spread: Annotated[float, FREE] = Field(default=0.0, ge=0, le=64)
    """Standard deviation of a member's error in where rain is to begin with, along each axis, in
    pixels; the same at every lead time, so it tells at the first ones."""
    candidates: Annotated[Size, FREE] = 1
    """Members drawn for each training sample, of which the one nearest to the truth is learned
    from: the more, the less of the motion's error is left to be learned as growth and decay."""
    learned_share: Annotated[float, FREE] = Field(default=1.0, ge=0, le=1)
    """Share of what was learned that a forecast gets, of the change drawn by the diffusion and of
    the correction by DiffCast's backbone; 0: motion alone. Below 1 for networks that have seen
    little, chosen on the validation split."""
    match_values: Annotated[bool, FREE] = True
    """Put the values of each frame of a member back, rank by rank, to those of its extrapolated
    frame, so that it keeps its intensity and dry areas; false: as the diffusion draws them."""
