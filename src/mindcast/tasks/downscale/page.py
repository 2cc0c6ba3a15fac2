"""What the page of a report says of downscaled temperature."""

from __future__ import annotations

from mindcast.evaluation.downscale.report import notes, tables
from mindcast.tasks.pages import Words

CURVES = {
    "levels.png": (
        "Scores by level",
        "Profiles of the scores from the lowest to the highest pressure level, a line for each row "
        "of the table of scores.",
    ),
    "spectra.png": (
        "Spectra",
        "Power of forecasts and truth by wavenumber, a panel for each of some levels.",
    ),
    "ranks.png": (
        "Rank histograms",
        "How often the truth has each rank among the members; flat where it could be one of them.",
    ),
}
CASES = {
    "*_section.png": (
        "section",
        "Vertical sections: temperature less its mean on each level, below it the errors, of",
    ),
    "*.png": (
        "maps",
        "Maps of temperature on some levels: coarse field, estimates and truth, below them the "
        "errors, of",
    ),
}
WORDS = Words(tables, notes, CURVES, CASES)
