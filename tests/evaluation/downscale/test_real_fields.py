from pathlib import Path

import h5py
import pytest

from mindcast.evaluation.downscale.baselines import BASELINES, interpolated
from mindcast.evaluation.downscale.suite import DownscaleSuite
from tests.evaluation.downscale.fields import target_of

FOLDER = Path(__file__).parents[4] / "shared/data/temperature"
# RMSE in K as measured elsewhere in float64: file, factor, bicubic, bilinear
KNOWN = [
    ("nam211", 4, 0.5661, 0.6849),
    ("nam211", 8, 1.1092, 1.3087),
    ("ruc212", 4, 0.5437, 0.5916),
    ("ruc212", 8, 0.7950, 0.8728),
    ("gfs_1deg", 4, 0.6180, 0.7667),
    ("gfs_1deg", 8, 1.3652, 1.6497),
    ("era5_eda_3deg", 4, 1.6566, 1.9105),
    ("era5_eda_3deg", 8, 2.8856, 3.3246),
]


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER.is_dir(), reason="no temperature files beside the project")
@pytest.mark.parametrize(("name", "factor", "bicubic", "bilinear"), KNOWN)
def test_baselines_reach_their_known_errors_on_analyses(name, factor, bicubic, bilinear):
    with h5py.File(FOLDER / f"{name}.nc") as file:
        temperature, levels = file["t"][...], file["level"][...]
    height, width = (side - side % factor for side in temperature.shape[-2:])
    fields = temperature.reshape(-1, *temperature.shape[-3:])[..., :height, :width]
    suite = DownscaleSuite(tuple(BASELINES), levels)
    for case in fields[:, None]:
        target = target_of(case, factor)
        for method in BASELINES:
            suite.update(method, interpolated(method, target), target)
    rows = suite.result()["rows"]
    found = [rows[method]["scores"]["rmse"]["overall"] for method in ("bicubic", "bilinear")]
    assert found == pytest.approx([bicubic, bilinear], abs=1e-3)
