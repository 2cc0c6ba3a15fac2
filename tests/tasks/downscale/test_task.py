import numpy as np
import pytest

from mindcast.models import load_spec
from mindcast.physics.resample import block_mean
from mindcast.settings import load_settings
from mindcast.tasks.downscale.task import Task
from tests.data.temperature_files import Patch, dataset, opened, write


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ({}, np.ones(16)),
        ({"area_weight": True}, np.cos(np.radians(60.0 - np.arange(16)))),
        ({"area_weight": True, "coarsening": "bicubic"}, np.ones(16)),
    ],
)
def test_block_means_are_scored_with_the_weights_that_made_them(tmp_path, changes, weights):
    write(dataset(), tmp_path / "a.nc")
    fields = opened(tmp_path, patch=Patch(frame=None, multiple=4), **changes)
    task = Task(fields, load_settings("configs/smoke/geodiff.yaml"), load_spec("geodiff"), ())
    scored = task.case(0, *(array[np.newaxis] for array in fields[0]))
    np.testing.assert_allclose(scored.target.row_weights, weights, rtol=1e-6)
    made = scored.baseline("bicubic-conservative")[..., 0]
    means = block_mean(made, 4, weights)
    np.testing.assert_allclose(means, scored.target.coarse, rtol=1e-6)
