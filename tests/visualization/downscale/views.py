"""Views and results of a downscaling that the tests of its pictures draw."""

import numpy as np

from mindcast.visualization.downscale.view import View
from tests.cases import LEVELS, make_downscale


def make_view(count=3, with_deterministic=True, **changes):
    case = make_downscale(count, with_deterministic, **changes)
    single = {"deterministic": "single"} if with_deterministic else {}
    return View(case, "ours", {"bicubic": "bicubic", **single})


def make_result(ensemble=True):
    """What `DownscaleSuite.result` gives of a baseline and of an ensemble (or not)."""
    rng = np.random.default_rng(0)
    names = [f"{level:g}" for level in LEVELS]

    def row(method, field, members):
        values = rng.random(len(LEVELS)).tolist()
        curves = {
            name: rng.random((len(LEVELS), 6)).tolist() for name in ("power", "truth", "ratio")
        }
        ranks = rng.random((len(LEVELS), members + 1)).tolist() if members > 1 else None
        scores = {
            name: {"values": values, "overall": 0.5} for name in ("rmse", "bias", "skill", "crps")
        }
        spectrum = {"size": [12, 12], "cases": 1, "wavenumber": [1, 2, 3, 4, 5, 6], **curves}
        return {
            "method": method,
            "field": field,
            "members": members,
            "cases": 1,
            "scores": scores,
            "spectrum": spectrum,
            "ranks": ranks,
        }

    rows = {"bicubic": row("bicubic", "forecast", 1)}
    if ensemble:
        rows["ours (mean of 3)"] = row("ours", "ensemble mean", 3)
    rows["ours (member 0)"] = row("ours", "member 0", 1)
    return {"levels_hpa": list(LEVELS), "axes": {"level": names}, "rows": rows}
