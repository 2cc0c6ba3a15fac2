"""Named lists of cuboids; one attention layer a cuboid, in order. Pure Python.

`P`, `M` and `K` in a name are whole numbers, as in "video_swin_2x8".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mindcast.refusal import Refusal

Shape = tuple[int, int, int]


class Cuboid(NamedTuple):
    """One way of cutting a (T, H, W) grid into blocks that attend within themselves.

    block: tokens of a block along T, H, W. strategy: one letter an axis, "l" local (neighbours
    share a block) or "d" dilated (a block takes every n-th token). shift: cyclic displacement.
    """

    block: Shape
    strategy: str = "lll"
    shift: Shape = (0, 0, 0)


def full(t: int, h: int, w: int) -> list[Cuboid]:
    """All tokens together."""
    return [Cuboid((t, h, w))]


def axial(t: int, h: int, w: int) -> list[Cuboid]:
    """One axis after the other; the released pattern."""
    return [Cuboid((t, 1, 1)), Cuboid((1, h, 1)), Cuboid((1, 1, w))]


def divided_st(t: int, h: int, w: int) -> list[Cuboid]:
    """Time, then the whole frame."""
    return [Cuboid((t, 1, 1)), Cuboid((1, h, w))]


def video_swin(t: int, h: int, w: int, frames: int = 2, side: int = 4) -> list[Cuboid]:
    """Windows of frames x side x side, then the same shifted by half a window."""
    frames, side = min(frames, t), min(side, h, w)
    block = (frames, side, side)
    return [Cuboid(block), Cuboid(block, shift=(frames // 2, side // 2, side // 2))]


def spatial_lg(t: int, h: int, w: int, side: int = 4) -> list[Cuboid]:
    """Time, then windows of a frame taken locally and dilated."""
    if h <= side and w <= side:
        return divided_st(t, h, w)
    block = (1, side, side)
    return [Cuboid((t, 1, 1)), Cuboid(block), Cuboid(block, "ddd")]


def axial_space_dilate(t: int, h: int, w: int, step: int) -> list[Cuboid]:
    """Time, then rows and columns in `step` parts, each dilated and then local."""
    step = min(step, h, w)
    column, row = (1, h // step, 1), (1, 1, w // step)
    return [Cuboid((t, 1, 1))] + [Cuboid(b, s) for b in (column, row) for s in ("ddd", "lll")]


PATTERNS: dict[str, Callable[..., list[Cuboid]]] = {
    "axial": axial,
    "axial_space_dilate_K": axial_space_dilate,
    "divided_st": divided_st,
    "full": full,
    "spatial_lg_M": spatial_lg,
    "spatial_lg_v1": spatial_lg,
    "video_swin": video_swin,
    "video_swin_PxM": video_swin,
}


def cuboids_of(name: str, shape: Shape) -> list[Cuboid]:
    """The cuboids of pattern `name` on a (T, H, W) grid; Refusal for an unknown name."""
    for template, pattern in PATTERNS.items():
        match = re.fullmatch(re.sub("[PMK]", r"([1-9][0-9]*)", template), name)
        if match:
            return pattern(*shape, *map(int, match.groups()))
    raise Refusal(
        f"patterns: {name!r}, expected one of {', '.join(PATTERNS)} "
        "(P, M, K whole numbers from 1); choose one of these names"
    )
