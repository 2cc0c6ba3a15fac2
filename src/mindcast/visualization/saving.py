"""Figures as picture files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from mindcast.files import complete_or_absent

DPI = 110


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure at the resolution of the house; it appears complete or not at all."""
    with complete_or_absent(path, "choose another folder") as part:
        figure.savefig(part, format="png", dpi=DPI, facecolor="white")
