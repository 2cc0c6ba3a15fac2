"""That latents computed once give the numbers of latents computed at every step."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest

from mindcast.data.pipeline import Batches
from mindcast.data.radar.turns import quarter_turns
from mindcast.data.radar.windows import sample_of
from mindcast.models import load_spec
from mindcast.models.prediff.latents import FrameLatents, FrameMoments
from mindcast.runtime.run_folder import RunFolder
from mindcast.samples import NowcastInput
from mindcast.settings import load_settings
from mindcast.training.encoder import Encoder
from mindcast.training.trainer import Trainer
from tests.contract.models import build_networks
from tests.motion.blobs import moving
from tests.training.runs import files, log

SPEC = load_spec("prediff")


class Moving:
    """Overlapping sequences of one event: frames of the first come again in the second."""

    input_type = NowcastInput
    source = "blobs"

    def __init__(self, window, count, seed):
        self.window, self.keys = window, np.arange(count, dtype=np.int64)
        length = window.length + window.stride * (count - 1)
        self.frames = moving((1.5, -0.5), length, window.frame[0], seed=seed)[..., np.newaxis]

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, i):
        first = i * self.window.stride
        return sample_of(self.frames[first : first + self.window.length], self.window)

    def label(self, i):
        return f"M{i}"


def train(path, stage, mib, options=()):
    changes = (
        f"runtime.encoded_mib={mib}",
        f"training.{stage}.max_steps=4",
        f"training.{stage}.validate_every_steps=2",
        f"training.{stage}.total_batch_size=2",
        f"training.{stage}.micro_batch_size=2",
        "model.denoiser.depth=[1]",
    )
    settings = load_settings("configs/smoke/prediff.yaml", [*changes, *options])
    described = SPEC.stages[stage]
    window, derive = described.window(settings.model), described.derive(settings.model)
    training = Moving(window, 4, seed=0)
    validation = Moving(window, 2, seed=1)
    path.mkdir()
    ms.set_seed(1)
    made = Trainer(
        spec=SPEC,
        settings=settings,
        stage_name=stage,
        folder=RunFolder(path),
        train=Batches(training, 2, 0, augmentation=quarter_turns, derive=derive),
        validation=Batches(validation, 2, 0, derive=derive, shuffle=False),
        frozen=build_networks("prediff", described.requires),
    )
    made.run()
    return made.inputs.encoder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "options"),
    [("diffusion", ()), ("diffusion", ("model.motion={}",)), ("alignment", ())],
    ids=["diffusion", "with motion", "alignment"],
)
def test_latents_that_are_remembered_change_no_number(tmp_path, stage, options):
    never = train(tmp_path / "never", stage, 0, options)
    once = train(tmp_path / "once", stage, 64, options)
    assert never.used == 0 < once.used
    assert log(tmp_path / "never") == log(tmp_path / "once")
    ours, theirs = files(tmp_path / "once"), files(tmp_path / "never")
    assert ours.keys() == theirs.keys()
    for name, (arrays, _) in ours.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, theirs[name][0][key], err_msg=f"{name} {key}")


@pytest.fixture(scope="module")
def encoding():
    settings = load_settings("configs/smoke/prediff.yaml").model
    return SPEC.stages["diffusion"].encode(settings, build_networks("prediff", ["vae"]))


def rain(samples=2):
    frames = np.stack([moving((1, 1), 5, 32, seed=seed) for seed in range(samples)])[..., None]
    return {"context": frames[:, :3], "truth": frames[:, 3:]}


def test_moments_are_those_of_the_whole_sequence(encoding):
    batch = rain()
    rows = Encoder(encoding, 0, graph=False)(batch, training=True)
    latents = FrameLatents(encoding.cell.latents.autoencoder)
    for name, frames in batch.items():
        whole = latents.moments(ms.Tensor(frames)).asnumpy()
        np.testing.assert_array_equal(rows[f"{name}_moments"], whole)


def test_moments_of_a_frame_do_not_depend_on_its_place_or_its_company(encoding):
    batch = rain()
    expected = Encoder(encoding, 0, graph=False)(batch, training=True)
    encode = Encoder(encoding, 1 << 20, graph=False)
    part = {"context": batch["context"][1:, ::-1], "truth": batch["truth"][1:, ::-1]}
    encode(part, training=True)  # the second sample backwards; the first then lacks five of ten
    rows = encode(batch, training=True)
    for name, array in expected.items():
        np.testing.assert_array_equal(rows[name], array)


def test_the_encoder_gives_means_and_log_variances_channels_last(encoding):
    frames = rain()["context"][0]
    autoencoder = encoding.cell.latents.autoencoder
    mean, logvar = autoencoder.encode(ms.Tensor(frames.transpose(0, 3, 1, 2)))
    got = FrameMoments(autoencoder)(ms.Tensor(frames)).asnumpy()
    expected = np.concatenate([mean.asnumpy(), logvar.asnumpy()], 1).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(got, expected)
