"""Rows of frames as one picture, small and quick: the previews during training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mindcast.visualization.colours import vil_rgb

SMALLEST_SIDE = 96  # pixels; smaller frames are enlarged by a whole factor
GAP, TITLE = 4, 18
PAPER, INK = (255, 255, 255), (30, 30, 30)


def montage(rows: Sequence[tuple[str, np.ndarray]], value_scale: float = 255.0) -> np.ndarray:
    """RGB uint8 (3, height, width) of titled rows.

    rows: (title, frames (T, H, W) in [0, 1]); rows may differ in T, H and W. Values are shown in
    the colours of VIL codes, value x `value_scale`.
    """
    strips = [_strip(vil_rgb(frames * value_scale)) for _, frames in rows]
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
