"""Figures as picture files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mindcast.files import complete_or_absent

DPI = 110
REMEDY = "choose another folder"


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure at the resolution of the house; it appears complete or not at all."""
    with complete_or_absent(path, REMEDY) as part:
        figure.savefig(part, format="png", dpi=DPI, facecolor="white")


def save_image(image: Image.Image, path: Path) -> None:
    """Write a picture that was painted at that resolution as a PNG, complete or not at all."""
    with complete_or_absent(path, REMEDY) as part:
        image.save(part, format="PNG", dpi=(DPI, DPI))
