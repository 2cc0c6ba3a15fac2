"""Scores published beside the data, `../shared/data/BASELINES.md`."""

from pathlib import Path

import numpy as np
import pytest

from mindcast.evaluation.crps import crps
from mindcast.evaluation.nowcast.baselines import BASELINES, Past
from mindcast.evaluation.nowcast.suite import NowcastSuite

DATA = Path(__file__).parents[5] / "shared/data"
SEQUENCES = DATA / "diffcast_h5_like/shanghai_like.h5"
EVENTS = DATA / "sevir_lr_like/data/vil/2020/LIKE_VIL_BOM_2020_1031_1031.h5"
# unit -> value of 1, minutes, thresholds
KINDS = {"dBZ": (90.0, 5, (20, 30, 35, 40)), "VIL": (255.0, 10, (16, 74, 133, 160, 181, 219))}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real radar sequences are not here")


def sequences(unit):
    """Contexts and truths of the test split, (N, T, H, W, 1) in [0, 1]."""
    import h5py

    if unit == "VIL":
        with h5py.File(EVENTS) as file:
            events = np.moveaxis(file["vil"][6:12], -1, 1)
        cut = [event[start : start + 13] for event in events for start in (0, 6, 12)]
        context = 7
    else:
        with h5py.File(SEQUENCES) as file:
            group = file["test"]
            cut = [group[name][()] for name in sorted(filter(str.isdigit, group), key=int)]
        context = 5
    frames = np.stack(cut).reshape(len(cut), -1, 128, 128, 1).astype(np.float32) / 255
    return frames[:, :context], frames[:, context:]


def nowcasts(name, unit, **options):
    """Forecasts of all sequences, and their truths."""
    scale, minutes, _ = KINDS[unit]
    contexts, truths = sequences(unit)
    found = [
        BASELINES[name](Past(context, truths.shape[1], minutes, scale, unit, **options))
        for context in contexts
    ]
    assert not any(nowcast.instead for nowcast in found)
    return np.stack([nowcast.forecast for nowcast in found]), truths


def scores(name, unit):
    scale, minutes, thresholds = KINDS[unit]
    forecasts, truths = nowcasts(name, unit)
    leads = [minutes * (k + 1) for k in range(truths.shape[1])]
    suite = NowcastSuite((name,), thresholds, scale, (1,), leads)
    suite.update(name, forecasts, truths)
    found = suite.result()["rows"][name]["scores"]
    return [found[key]["overall"] for key in ("csi", "mae_physical", "mse_physical")]


@pytest.mark.slow  # Lucas-Kanade and cascades of 24 sequences
@pytest.mark.parametrize(
    ("unit", "csi", "mae", "mse"), [("dBZ", 0.281, 3.63, 82.0), ("VIL", 0.413, 11.05, 957)]
)
def test_s_prog_scores_what_was_measured_for_it(unit, csi, mae, mse):
    found = scores("s-prog", unit)
    assert found[0] == pytest.approx(csi, abs=0.0006)
    assert found[1:] == pytest.approx([mae, mse], rel=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "csi", "mae", "mse"),
    [
        # measured with other weights of the pairs and a wider smoothing: 0.275, 3.85 and 83.0
        ("dBZ", 0.275, 3.85, 83.0),
        # along pysteps' field, what comes in filled with persistence: 0.411, 11.25 and 825
        ("VIL", 0.411, 11.25, 825),
    ],
)
def test_the_extrapolation_is_as_good_as_others_were(unit, csi, mae, mse):
    found = scores("extrapolation", unit)
    assert found[0] == pytest.approx(csi, abs=0.003)
    assert found[1:] == pytest.approx([mae, mse], rel=0.03)


@pytest.mark.slow  # a second a sequence
@pytest.mark.parametrize(
    ("unit", "fair", "plain"),
    # 2.84 and 9.03 are published; beside 9.03 stands a fair 8.44, worked out from it with the error
    # of one member (13.16) where that of all (14.14) is meant: 14.14 - 8 / 7 (14.14 - 9.03) = 8.30
    [("dBZ", 2.84, None), ("VIL", 8.30, 9.03)],
)
def test_steps_scores_what_was_measured_for_it(unit, fair, plain):
    forecasts, truths = nowcasts("steps", unit, members=8, seed=1)
    for expected, kind in ((fair, True), (plain, False)):
        found = [
            crps(ensemble[None], truth[None], kind).mean()
            for ensemble, truth in zip(forecasts, truths, strict=True)
        ]
        if expected is not None:
            assert np.mean(found) * KINDS[unit][0] == pytest.approx(expected, abs=0.01)
