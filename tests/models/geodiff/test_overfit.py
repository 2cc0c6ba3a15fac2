from pathlib import Path

import h5py
import mindspore as ms
import numpy as np
import pytest

from mindcast.config.schema import StageTraining
from mindcast.models.base import Objective
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.statistics import LevelMoments, set_values
from mindcast.models.geodiff.training_losses import DeterministicLoss
from mindcast.physics.resample import bicubic, block_mean
from mindcast.training.train_step import ObjectiveStep

FILE = Path(__file__).parents[4] / "shared" / "data" / "temperature" / "nam211.nc"
LEVELS = (1000, 900, 850, 700, 500, 400, 300, 200)


def settings():
    unet = {"dim": 12, "multiples": (1,), "heads": 2, "head_size": 16}
    return GeoDiffSettings(
        name="geodiff",
        levels_hpa=LEVELS,
        frame_size=(16, 16),
        statics=False,
        deterministic=unet,
        denoiser=unet,
        priors={"use": False},
        loss={"physics": 0.0},
    )


def analysis():
    """Temperature (Z, 16, 16) of the first state of the file."""
    with h5py.File(FILE) as file:
        found = file["level"][:].tolist()
        return np.stack([file["t"][0, found.index(p), :16, :16] for p in LEVELS])


@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason="no real temperature beside the project")
def test_deterministic_stage_learns_one_state_by_heart():
    truth = analysis().astype(np.float64)
    coarse = block_mean(truth, 4)
    ms.set_seed(0)
    network = DeterministicNetwork(settings())
    moments = LevelMoments()
    moments.update(truth[None])
    for parameter, values in zip(
        (network.primary_statistics.mean, network.primary_statistics.std),
        moments.mean_and_std(),
        strict=True,
    ):
        set_values(parameter, values)
    loss = DeterministicLoss(network, settings())
    training = StageTraining(optimizer="adam", clip_norm=1e9)
    step = ObjectiveStep(
        Objective("d", network.trainable_params(), ((0, loss),)), training, (), graph=True
    )
    z, h, w = truth.shape
    sample = {
        "temperature_lr": coarse[None, ..., None],
        "priors_lr": np.zeros((1, z, h // 4, w // 4, 7)),
        "statics": np.zeros((1, h, w, 3)),
        "weight": np.ones((1, z, h, w, 1)),
        "truth": truth[None, ..., None],
    }
    sample = {name: array.astype(np.float32) for name, array in sample.items()}
    squares = [float(step.run(k, [sample], 2e-3)["rmse"].asnumpy()) for k in range(41)]
    errors = np.sqrt(squares)
    interpolated = np.sqrt(np.mean((bicubic(coarse, 4) - truth) ** 2))
    assert errors[0] == pytest.approx(interpolated, rel=1e-4)
    assert errors[40] < interpolated / 2
