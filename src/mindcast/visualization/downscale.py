"""All pictures of a test of a downscaling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mindcast.visualization.cross_section import cross_section
from mindcast.visualization.downscale_case import DownscaleCase
from mindcast.visualization.downscale_curves import level_profiles, rank_histograms, spectrum_curves
from mindcast.visualization.downscale_panels import downscale_panel


def draw_downscale(
    folder: Path, result: Mapping[str, Any], cases: Iterable[tuple[str, DownscaleCase]]
) -> Iterator[Path]:
    """Draw the cases, each with a label that may be a file's name, and the curves of a result.

    Gives the paths of the PNGs, each as soon as it is complete.
    """
    for label, case in cases:
        panel = folder / f"{case.method}_{label}.png"
        downscale_panel(panel, case, label=label)
        yield panel
        section = folder / f"{case.method}_{label}_section.png"
        cross_section(section, case, label=label)
        yield section
    profiles = folder / "levels.png"
    level_profiles(profiles, result)
    yield profiles
    spectra = folder / "spectra.png"
    spectrum_curves(spectra, result)
    yield spectra
    ranks = folder / "ranks.png"
    if rank_histograms(ranks, result):
        yield ranks
