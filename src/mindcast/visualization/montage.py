"""Rows of frames as one picture, small and quick: the previews during training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mindcast.visualization.colours import VIL_LEVELS, vil_rgb
from mindcast.visualization.scales import temperature_colours

SMALLEST_SIDE = 96  # pixels; smaller frames are enlarged by a whole factor
GAP, TITLE = 4, 18
PAPER, INK = (255, 255, 255), (30, 30, 30)


def radar(frames: np.ndarray) -> np.ndarray:
    """Shares of the data's value scale, in the colours of VIL whatever its unit."""
    return vil_rgb(frames * VIL_LEVELS[-1])


def temperature(frames: np.ndarray) -> np.ndarray:
    """From the coldest, 0, to the warmest, 1."""
    colours = temperature_colours()(np.ma.masked_invalid(frames), bytes=True)
    return np.asarray(colours)[..., :3]


# name -> RGB uint8 (..., 3) of frames in [0, 1]
COLOURS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "radar": radar,
    "temperature": temperature,
}


def montage(rows: Sequence[tuple[str, np.ndarray]], colours: str) -> np.ndarray:
    """RGB uint8 (3, height, width) of titled rows.

    rows: (title, frames (T, H, W) in [0, 1]); rows may differ in T, H and W. colours: a key of
    COLOURS.
    """
    strips = [_strip(COLOURS[colours](frames)) for _, frames in rows]
    width = GAP + max(strip.shape[1] for strip in strips)
    sheet = Image.new("RGB", (width, GAP + sum(TITLE + len(strip) for strip in strips)), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    y = 0
    for (title, _), strip in zip(rows, strips, strict=True):
        pen.text((GAP, y + 3), title, fill=INK, font=font)
        sheet.paste(Image.fromarray(strip), (GAP, y + TITLE))
        y += TITLE + len(strip)
    return np.ascontiguousarray(np.moveaxis(np.asarray(sheet), -1, 0))


def _strip(frames: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) side by side, a gap after each."""
    factor = -(-SMALLEST_SIDE // min(frames.shape[1:3]))
    enlarged = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    padded = np.pad(enlarged, ((0, 0), (0, 0), (0, GAP), (0, 0)), constant_values=PAPER[0])
    return np.concatenate(list(padded), axis=1)
