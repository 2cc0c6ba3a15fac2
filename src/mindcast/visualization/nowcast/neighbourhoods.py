"""How large a neighbourhood must be for a forecast to be of use: the fractions skill score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.visualization.curves import Result, line_styles, save_with_legend, tidy
from mindcast.visualization.nowcast.curves import point_marker, series
from mindcast.visualization.nowcast.thresholds import pairs


def fss_curves(path: Path, result: Result, baselines: Sequence[str]) -> bool:
    """FSS by scale over all lead times and, at the middle scale, by lead time, to the PNG `path`; a
    pair of panels a threshold. The black line is what a forecast of use is above.

    Draws nothing and gives False where no scale is scored.
    """
    scales, minutes = result["scales"], result["lead_minutes"]
    if not scales:
        return False
    middle = scales[len(scales) // 2]
    title = "Fractions skill score by side of the neighbourhood (all lead times), and by lead time"
    labels = ("FSS", f"FSS, {middle} pixels")
    figure, cells = pairs(result["thresholds"], title, labels, (1, 0.75))
    styles, places = line_styles(result, baselines), range(len(scales))
    for threshold, (by_scale, by_lead) in zip(result["thresholds"], cells, strict=True):
        overall = [series(result, "fss", threshold, None, "overall", s) for s in scales]
        leads = series(result, "fss", threshold, scale=middle)
        for name, style in styles.items():
            values = np.array([of[name] for of in overall], np.float64)
            by_scale.plot(places, values, label=name, marker="o", **style)
            heights = np.asarray(leads[name], np.float64)
            by_lead.plot(minutes, heights, marker=point_marker(result), **style)
        useful = series(result, "fss_useful", threshold, None, "overall")
        by_scale.axhline(max(useful.values(), default=np.nan), color="black", linewidth=1, zorder=0)
        by_scale.set_xticks(places, [str(scale) for scale in scales])
        by_scale.set_xlabel("side (pixels)", fontsize=8)
        by_lead.set_xlabel("lead time (min)", fontsize=8)
        for axes in (by_scale, by_lead):
            axes.set_ylim(-0.03, 1.03)
        tidy(by_scale, f"threshold {threshold:g}")
        tidy(by_lead)
    save_with_legend(figure, cells[0][0], path, columns=3)
    return True
