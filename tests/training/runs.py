"""What tests of whole runs share: what spoils one, and what it left."""

import itertools
import json
import os
import signal

import numpy as np

from mindcast.data.pipeline import Batches
from mindcast.training import checkpoint
from tests.training import dummy
from tests.training.dummy import Arrays, make_spec


class RecordingBatches(Batches):
    """Remembers the keys of every batch that was used."""

    def epoch(self, epoch, start=0, every=1):
        for keys, batch in super().epoch(epoch, start, every):
            self.seen.append(keys.tolist())
            yield keys, batch


def recording(seen, size=2):
    batches = RecordingBatches(Arrays(12), size, seed=0)
    batches.seen = seen
    return batches


def at_call(number, act):
    """A spec whose `number`-th draw of random numbers (from 0) is changed by `act`."""
    calls = itertools.count()

    def draw(settings, rng, count):
        drawn = dummy.draw(settings, rng, count)
        return act(drawn) if next(calls) == number else drawn

    return make_spec(draw)


def terminate(drawn):
    os.kill(os.getpid(), signal.SIGTERM)
    return drawn


def spoil(drawn):
    return {name: array * np.float32("nan") for name, array in drawn.items()}


def files(path):
    return {p.name: checkpoint.read(p) for p in sorted((path / "checkpoints").glob("*.ckpt"))}


def log(path):
    """The records of log.jsonl, without the only value that depends on the clock."""
    records = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in r.items() if k != "seconds_per_step"} for r in records]


def assert_same_files(one, other):
    assert one.keys() == other.keys()
    for name, (arrays, information) in one.items():
        arrays_2, information_2 = other[name]
        assert information == information_2
        assert arrays.keys() == arrays_2.keys()
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, arrays_2[key], err_msg=f"{name} {key}")
