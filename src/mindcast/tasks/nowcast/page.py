"""What the page of a report says of nowcasts."""

from __future__ import annotations

from mindcast.evaluation.nowcast.report import notes, tables
from mindcast.tasks.pages import Words

BY_LEAD = "A line for each row of the table of scores, from the first to the last lead time."
CURVES = {
    "csi.png": ("CSI by lead time", f"Curves of the CSI, a panel for each threshold. {BY_LEAD}"),
    "csi_pool*.png": (
        "CSI of blocks by lead time",
        f"Curves of the CSI after a block maximum, a panel for each threshold. {BY_LEAD}",
    ),
    "errors.png": ("Errors by lead time", f"Curves of MAE, CRPS, MSE and SSIM. {BY_LEAD}"),
    "bias.png": (
        "Frequency bias by lead time",
        f"Curves of events forecast per event observed, a panel for each threshold. {BY_LEAD}",
    ),
    "fss.png": (
        "Fractions skill score",
        "Above: by the side of the neighbourhood, over all lead times; a forecast is of use above "
        "the black line. Below: by lead time, at the middle side. A panel for each threshold.",
    ),
    "spectra.png": (
        "Power spectra",
        "Above: power of forecasts and truth by wavelength, over all lead times, at the first, a "
        "middle and the last. Below: its ratio to the truth's, 1 where detail is right.",
    ),
    "spread_skill.png": (
        "Spread and error by lead time",
        "Left: spread of the ensembles beside the error of their means. Right: their ratio, which "
        "is 1 where the spread is right.",
    ),
    "reliability.png": (
        "Reliability",
        "Observed frequency by forecast probability, a panel for each threshold; on the diagonal "
        "probabilities are right. Below: how often each probability was forecast.",
    ),
    "roc.png": (
        "ROC curves",
        "Above: hit rate by false alarm rate of ensembles, crosses for single forecasts. Below: "
        "area under the curve by lead time, 0.5 where events are not told from others.",
    ),
    "ranks.png": (
        "Rank histograms",
        "How often the truth has each rank among the members; flat where it could be one of them.",
    ),
}
CASES = {
    "*.gif": (
        "observation, then truth and forecast",
        "Radar frames that run through time: truth beside forecast, after what was observed, of",
    ),
    "*.png": (
        "truth and forecast",
        "Rows of radar frames: what was observed, the truth and the forecasts at some lead times, "
        "probability, hits and misses, of",
    ),
}
WORDS = Words(tables, notes, CURVES, CASES)
