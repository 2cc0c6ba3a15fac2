import logging
from dataclasses import replace

import numpy as np
import pytest
from mindspore import nn, ops

from mindcast.data.pipeline import Batches
from mindcast.data.radar.turns import quarter_turns
from mindcast.models.base import Encoding, Objective
from mindcast.training.encoder import ENTRY_BYTES, TRAINING_SHARE, Encoder
from tests.training.dummy import SPEC, Arrays, run_settings, trainer
from tests.training.dummy_cells import Matrix
from tests.training.runs import at_call, files, log, terminate

ROW = 2 * 4  # bytes of a row of `Moments`, two float32


class Moments(nn.Cell):
    """Mean and mean square of each frame; counts the frames that it is given."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def construct(self, frames):
        self.calls.append(frames.shape)
        flat = frames.reshape(frames.shape[0], -1)
        return ops.stack((flat.mean(axis=1), (flat * flat).mean(axis=1)), 1)


def encoder(limit=1 << 20, names=("context", "truth"), graph=False):
    cell = Moments()
    return Encoder(Encoding(cell, {name: f"{name}_rows" for name in names}), limit, graph), cell


def sequences(samples=2, context=1, truth=2, seed=0):
    rng = np.random.default_rng(seed)
    frames = rng.random((samples, context + truth, 4, 4, 1), np.float32)
    return {"context": frames[:, :context], "truth": frames[:, context:]}


def moments(frames):
    """What `Moments` gives, by NumPy."""
    return np.stack([frames.mean((2, 3, 4)), (frames**2).mean((2, 3, 4))], -1)


def kept(encode):
    return len(encode._known)


# -- what it gives --------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [False, True])
def test_every_frame_of_every_array_gets_its_row_in_its_place(graph):
    encode, _ = encoder(graph=graph)
    batch = sequences()
    for _ in range(2):  # computed, then remembered
        rows = encode(batch, training=True)
        assert rows.keys() == {"context_rows", "truth_rows"}
        for name, array in batch.items():
            np.testing.assert_allclose(rows[f"{name}_rows"], moments(array), rtol=1e-6)


def test_an_array_that_is_absent_is_left_out():
    encode, _ = encoder()
    batch = sequences()
    assert encode({"context": batch["context"]}, training=True).keys() == {"context_rows"}


def test_a_frame_is_computed_once_wherever_it_comes_again():
    encode, cell = encoder()
    batch = sequences(samples=2, context=1, truth=2)
    encode(batch, training=True)
    assert cell.calls == [(3, 4, 4, 1)] * 2  # six frames, as many at a time as a sample has
    # the next sequences of the same events: one frame that is new in each
    new = sequences(samples=2, context=1, truth=1, seed=1)["truth"]
    later = {
        "context": batch["truth"][:, :1],
        "truth": np.concatenate([batch["truth"][:, 1:], new], 1),
    }
    rows = encode(later, training=True)
    assert cell.calls == [(3, 4, 4, 1)] * 3
    np.testing.assert_allclose(rows["truth_rows"], moments(later["truth"]), rtol=1e-6)


def test_equal_frames_of_one_batch_are_computed_together():
    encode, cell = encoder()
    dry = {"context": np.zeros((4, 1, 4, 4, 1), np.float32)}
    rows = encode(dry, training=True)
    assert cell.calls == [(1, 4, 4, 1)]
    assert rows["context_rows"].shape == (4, 1, 2)


def test_a_mirror_image_is_another_frame():
    encode, _ = encoder()
    batch = sequences(samples=1)
    encode(batch, training=True)
    before = kept(encode)
    encode({name: array[:, :, ::-1] for name, array in batch.items()}, training=True)
    assert kept(encode) == 2 * before


# -- its memory -----------------------------------------------------------------------------


def test_without_memory_everything_is_computed_at_every_visit():
    encode, cell = encoder(limit=0)
    batch = sequences(samples=1)
    first, second = encode(batch, training=True), encode(batch, training=False)
    assert len(cell.calls) == 2
    assert kept(encode) == encode.used == 0
    for name, rows in first.items():
        np.testing.assert_array_equal(rows, second[name])


def test_the_memory_keeps_to_its_limit_and_leaves_a_share_to_the_validation():
    frames = 20  # room for so many
    limit = frames * (ROW + ENTRY_BYTES)
    encode, _ = encoder(limit)
    for seed in range(10):
        encode(sequences(seed=seed), training=True)
    assert kept(encode) == int(TRAINING_SHARE * frames)
    for seed in range(10, 20):
        encode(sequences(seed=seed), training=False)
    assert kept(encode) == frames
    assert encode.used == limit
    # what was there first is there still, and what had no room is right
    for seed in (0, 19):
        batch = sequences(seed=seed)
        rows = encode(batch, training=True)["truth_rows"]
        np.testing.assert_allclose(rows, moments(batch["truth"]), rtol=1e-6)


def test_a_full_memory_is_told_once(caplog):
    encode, _ = encoder(limit=2 * (ROW + ENTRY_BYTES))
    with caplog.at_level(logging.INFO):
        for seed in range(3):
            encode(sequences(seed=seed), training=True)
    (record,) = caplog.records
    assert "runtime.encoded_mib" in record.message


# -- in a training --------------------------------------------------------------------------


class RowsError(nn.Cell):
    """Squared error of the truth, from what the frozen matrix made of the context."""

    diagnostic_names = ("loss", "rmse")

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, context_rows, truth, noise):
        error = self.network(context_rows[:, 0] + noise) - truth[:, 0, :, :, 0]
        loss = (error * error).mean()
        return loss, (loss, loss)


class OfMatrix(nn.Cell):
    def __init__(self, matrix):
        super().__init__(auto_prefix=False)
        self.matrix = matrix

    def construct(self, frames):
        return self.matrix(frames[..., 0])


def objectives(settings, network, frozen):
    return (Objective("matrix", network.trainable_params(), ((0, RowsError(network)),)),)


def encode_context(settings, frozen):
    return Encoding(OfMatrix(frozen["fit"]), {"context": "context_rows"})


def encoded_spec(spec=SPEC):
    stage = replace(spec.stages["refine"], build_objectives=objectives, encode=encode_context)
    return replace(spec, stages={**spec.stages, "refine": stage})


def run(path, mib, spec=SPEC, resume=False):
    settings = run_settings(max_steps=5, validate_every_steps=2, ema_decay=0.9)
    runtime = settings.runtime.model_copy(update={"encoded_mib": mib})
    made = trainer(
        path,
        settings.model_copy(update={"runtime": runtime}),
        encoded_spec(spec),
        "refine",
        train=Batches(Arrays(12), 2, seed=0, augmentation=quarter_turns),
        frozen={"fit": Matrix()},
    )
    if resume:
        made.restore()
    made.run()
    return made


def assert_same_numbers(one, other):
    """Every array of every checkpoint and every number of the log."""
    assert log(one) == log(other)
    ours, theirs = files(one), files(other)
    assert ours.keys() == theirs.keys()
    for name, (arrays, _) in ours.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, theirs[name][0][key], err_msg=f"{name} {key}")


def test_a_training_gives_the_same_numbers_whatever_is_remembered(tmp_path, monkeypatch):
    run(tmp_path / "nothing", mib=0)
    whole = run(tmp_path / "all", mib=1024)
    # 20 frames in 16 images each, some of them alike, and 3 for the validation, which comes again
    assert 12 + 3 < kept(whole.inputs.encoder) <= 20 + 3
    monkeypatch.setattr("mindcast.training.encoder.ENTRY_BYTES", 1 << 18)
    some = run(tmp_path / "some", mib=1)
    assert kept(some.inputs.encoder) == 3
    for name in ("all", "some"):
        assert_same_numbers(tmp_path / "nothing", tmp_path / name)


def test_a_stopped_and_resumed_training_gives_the_same_numbers(tmp_path):
    run(tmp_path / "whole", mib=1024)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", 1024, at_call(2 * 4 + 2, terminate))
    run(tmp_path / "parts", 1024, resume=True)
    assert_same_numbers(tmp_path / "whole", tmp_path / "parts")


def test_the_frozen_network_is_in_evaluation_mode_and_stays_as_it_is(tmp_path):
    made = run(tmp_path, mib=1024)
    matrix = made.frozen["fit"]
    assert not matrix.training
    np.testing.assert_array_equal(matrix.weight.asnumpy(), Matrix().weight.asnumpy())


def test_a_stage_that_encodes_nothing_takes_its_samples_as_they_are(tmp_path):
    made = trainer(tmp_path, run_settings())
    assert made.inputs.encoder is None
