"""The comparison as a picture: a row of panels for each model, a panel for each score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from mindcast.visualization.colours import LINES
from mindcast.visualization.curves import save_with_legend, sheet, tidy
from tests.bench.few_calls.choice import Row, full_row, rows
from tests.bench.few_calls.plans import ALONE, FULL
from tests.bench.few_calls.report import UNITS
from tests.bench.few_calls.scores import SOURCES, Line

TITLE = "Scores by network calls"
MARKERS = "osD^vP"


def draw(path: Path, lines: Sequence[Line], split: str) -> None:
    """Write the PNG, of one split; of the network alone with the placement of times by default.

    Bars reach from the least to the largest of all seeds; so does the grey band of the ancestral
    sampler with the most calls. Of fine power 1 is right, a dotted line. Rows that
    lack a seed which others have are left out: trainings differ more than samplers.
    """
    shown = [
        line for line in lines if (line.split, line.setting, line.spacing) == (split, ALONE, "auto")
    ]
    models = dict.fromkeys(line.model for line in shown)
    names = list(dict.fromkeys(line.way.name for line in shown if line.sampler != FULL))
    size = (9.6, 0.7 + 1.9 * len(models))
    figure, axes = sheet(len(models), len(SOURCES), f"{TITLE}, {split}", size)
    for panels, model in zip(axes, models, strict=True):
        found = rows(shown, model, split)
        for panel, score in zip(panels, SOURCES, strict=True):
            drawn = [row for row in found if score in row.values]
            most = max((len(row.values[score]) for row in drawn), default=0)
            of_score = [row for row in drawn if len(row.values[score]) == most]
            if not of_score:
                panel.set_axis_off()
                continue
            unit = f" ({UNITS[model]})" if score in {"CRPS", "RMSE"} else ""
            tidy(panel, f"{model}: {score}{unit}")
            _panel(panel, of_score, score, names)
    richest = max((p for row in axes for p in row), key=lambda p: len(p.containers))
    save_with_legend(figure, richest, path, 4)


def _panel(panel: Axes, found: Sequence[Row], score: str, names: Sequence[str]) -> None:
    panel.set_xscale("log")
    full = full_row(found)
    if full is not None:
        values = full.values[score].values()
        panel.axhspan(min(values), max(values), color="#B0B0B0", alpha=0.45, linewidth=0)
        label = f"{FULL}, {full.way.calls} calls"
        panel.axhline(full.mean(score), color="#1A1A1A", linewidth=1, linestyle="--", label=label)
    if score == "fine power":
        panel.axhline(1, color="#1A1A1A", linewidth=0.6, linestyle=":")
    short = [row for row in found if row.way.sampler != FULL]
    for k, name in enumerate(names):
        of = sorted((r for r in short if r.way.name == name), key=lambda row: row.way.calls)
        if of:
            _curve(panel, of, score, k)
    ticks = sorted({row.way.calls for row in short})
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()


def _curve(panel: Axes, of: Sequence[Row], score: str, k: int) -> None:
    """The k-th line, a little beside the others, so that bars do not cover each other."""
    means = [row.mean(score) for row in of]
    ends = [(min(row.values[score].values()), max(row.values[score].values())) for row in of]
    below = [mean - least for mean, (least, _) in zip(means, ends, strict=True)]
    above = [most - mean for mean, (_, most) in zip(means, ends, strict=True)]
    panel.errorbar(
        [row.way.calls * (1 + 0.03 * (k - 1)) for row in of],
        means,
        [below, above],
        color=LINES[k % len(LINES)],
        marker=MARKERS[k % len(MARKERS)],
        markersize=3,
        linewidth=1.3,
        elinewidth=0.7,
        label=of[0].way.name,
    )
