"""How much detail forecasts have: power by wavelength, beside that of the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mindcast.visualization.curves import Result, line_styles, save_with_legend, sheet, tidy

PANEL = (2.6, 2.3)  # inches
LEADS = 3  # beside all lead times together, at most
TRUTH: dict[str, Any] = {"color": "black", "linewidth": 1.2}
RATIOS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def spectrum_curves(path: Path, result: Result, baselines: Sequence[str]) -> None:
    """Radially averaged power and its ratio to the truth's, to the PNG `path`.

    A pair of panels for all lead times, the first, a middle and the last one; fine waves are at the
    right.
    """
    columns = list(_columns(result))
    unit = result["unit"] or "values"
    size = (PANEL[0] * len(columns), 2 * PANEL[1] + 0.7)
    title = "Power spectra: how much detail a forecast has, beside the truth"
    figure, (powers, shares) = sheet(2, len(columns), title, size)
    styles = line_styles(result, baselines)
    for (name, pick), power, share in zip(columns, powers, shares, strict=True):
        truth = np.array([])
        for row, of in result["rows"].items():
            spectrum, style = of["spectrum"], {**styles[row], "markersize": 0}
            own, truth = (_drawable(pick(spectrum[curve])) for curve in ("power", "truth"))
            power.loglog(spectrum["wavelength"], own, label=row, **style)
            share.loglog(spectrum["wavelength"], own / truth, **style)
        if len(truth):
            power.loglog(spectrum["wavelength"], truth, label="truth", **TRUTH)
        share.axhline(1, **TRUTH)
        share.set_xlabel("wavelength (pixels)", fontsize=8)
        tidy(power, name)
        tidy(share)
    _same_scales(powers, shares)
    powers[0].set_ylabel(f"power ({unit}²)", fontsize=8)
    shares[0].set_ylabel("ratio to truth", fontsize=8)
    save_with_legend(figure, powers[0], path, columns=4)


def _columns(result: Result) -> Iterator[tuple[str, Any]]:
    """Titles of the panels, and what takes their values from a curve of a row."""
    yield "all lead times", lambda curve: curve["overall"]
    minutes = result["lead_minutes"]
    for lead in np.unique(np.linspace(0, len(minutes) - 1, min(LEADS, len(minutes))).astype(int)):
        yield f"+{minutes[lead]} min", lambda curve, lead=lead: curve["per_lead"][lead]


def _same_scales(powers: Sequence[Axes], shares: Sequence[Axes]) -> None:
    """Wavelengths fall to the right; ratios have one scale, within RATIOS."""
    for axes in (*powers, *shares):
        longest, shortest = sorted(axes.get_xlim(), reverse=True)
        ticks = [2**k for k in range(1, 17) if shortest <= 2**k <= longest]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xlim(longest, shortest)
        axes.minorticks_off()
    ends = [axes.get_ylim() for axes in shares]
    lowest, highest = min(low for low, _ in ends), max(high for _, high in ends)
    low = max((ratio for ratio in RATIOS if ratio <= min(lowest, 0.5)), default=RATIOS[0])
    high = min((ratio for ratio in RATIOS if ratio >= max(highest, 2)), default=RATIOS[-1])
    ticks = [ratio for ratio in RATIOS if low <= ratio <= high]
    for axes in shares:
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_ylim(low, high)


def _drawable(values: Sequence[float]) -> np.ndarray:
    """Without what a logarithm cannot show."""
    array = np.array(values, np.float64)
    return np.where(array > 0, array, np.nan)
