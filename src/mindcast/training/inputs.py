"""What loss cells take, by name: arrays of samples, what frozen networks make of them, draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mindspore import nn

from mindcast.config.schema import RunSettings
from mindcast.data.pipeline import Batch
from mindcast.models.base import ModelSpec
from mindcast.samples import Named
from mindcast.training.encoder import Encoder

TRAINING, VALIDATION = 0, 1  # first word of the key of a draw


class Inputs:
    """Completes the batches of one stage; the same at every visit of the same step or number."""

    def __init__(
        self, spec: ModelSpec, settings: RunSettings, stage: str, frozen: Mapping[str, nn.Cell]
    ) -> None:
        self.stage, self.model = spec.stages[stage], settings.model
        self.key = [settings.runtime.seed, list(spec.stages).index(stage)]
        self.encoder: Encoder | None = None
        if self.stage.encode is not None:
            encoding = self.stage.encode(settings.model, frozen)
            limit = settings.runtime.encoded_mib << 20
            self.encoder = Encoder(encoding, limit, settings.runtime.mode == "graph")

    def of_training(self, batch: Batch, step: int, micro: int) -> Named:
        """Of micro-batch `micro` of an optimiser step."""
        return self._completed(batch, TRAINING, step, micro)

    def of_validation(self, batch: Batch, number: int) -> Named:
        """Of a batch of the validation split: the same random draws every time."""
        return self._completed(batch, VALIDATION, number)

    def _completed(self, batch: Batch, *key: int) -> Named:
        keys, sample = batch
        named = sample.named
        if self.encoder is not None:
            named |= self.encoder(named, training=key[0] == TRAINING)
        rng = np.random.default_rng([*self.key, *key])
        return {**named, **self.stage.draw(self.model, rng, len(keys))}
