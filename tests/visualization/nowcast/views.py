import numpy as np

from mindcast.visualization.nowcast.view import View
from tests.cases import make_nowcast


def make_view(*sizes, **more_sizes):
    """The forecast "ours" beside "persistence"."""
    case = make_nowcast(*sizes, **more_sizes)
    case.forecasts["persistence"] = np.repeat(case.context[-1:], len(case.truth), axis=0)
    return View(case, "ours", ("persistence",))
