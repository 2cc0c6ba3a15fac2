"""A stage of a configuration as the trainer runs it, its data and its step apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np

from mindcast.data import find_augmentation, open_split
from mindcast.data.pipeline import Batches, Reader
from mindcast.models import load_spec
from mindcast.runtime.run_folder import RunFolder
from mindcast.samples import stacked
from mindcast.settings import load_settings
from mindcast.training.trainer import Trainer


class StageSide:
    """One micro-batch at a time: read, augmented, moved, learned from."""

    version = f"mindspore {ms.__version__}"

    def prepare(self, config: str, changes: list[str], stage: str) -> dict[str, Any]:
        """Open the data and build the networks, none of them trained."""
        settings = load_settings(config, changes)
        spec = load_spec(settings.model.name)
        chosen, options = spec.stages[stage], settings.training[stage]
        window = chosen.window(settings.model)
        samples = open_split(settings.data, "train", window)
        self.read_plainly = Reader(samples, None, None, settings.runtime.seed)
        self.augmentation = find_augmentation(chosen.augmentation, window.frame)
        self.derive, self.size = chosen.derive(settings.model), options.micro_batch_size
        frozen = {s: spec.stages[s].build_network(settings.model) for s in chosen.requires}
        for network in frozen.values():
            network.set_train(False)
        batches = Batches(samples, self.size, settings.runtime.seed)
        nowhere = RunFolder(Path(os.devnull))
        self.trainer = Trainer(spec, settings, stage, nowhere, batches, batches, frozen)
        self.steps, self.micro = 0, self.trainer.accumulate
        return {"batch": self.size}

    def read(self) -> dict[str, Any]:
        """The samples of the next micro-batch, out of the files."""
        total = len(self.read_plainly.samples)
        self.numbers = (self.steps * self.size + np.arange(self.size)) % total
        self.samples = [self.read_plainly.samples[int(number)] for number in self.numbers]
        return {}

    def augment(self) -> dict[str, Any]:
        """Turned or mirrored, where the stage's samples may be."""
        if self.augmentation is not None:
            self.samples = [self.augmentation(s, self._generator()) for s in self.samples]
        return {}

    def move(self) -> dict[str, Any]:
        """Their motion found and followed, where the stage takes it."""
        if self.derive is not None:
            self.samples = [self.derive(sample, self._generator()) for sample in self.samples]
        return {}

    def learn(self) -> dict[str, Any]:
        """One optimiser step of the micro-batch, waited for."""
        keys = self.read_plainly.samples.keys[self.numbers]
        named = self.trainer.inputs.of_training((keys, stacked(self.samples)), self.steps, 0)
        for step in self.trainer.steps:
            step.run(self.steps, [named], 1e-4)
            step.objective.parameters[-1].asnumpy()
        self.steps += 1
        return {}

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng(self.steps)


def start() -> StageSide:
    """The side; the device is started."""
    return StageSide()
