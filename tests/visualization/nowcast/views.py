from mindcast.visualization.nowcast.view import View
from tests.cases import make_nowcast


def make_view(*sizes, **more_sizes):
    return View(make_nowcast(*sizes, **more_sizes), "ours")
