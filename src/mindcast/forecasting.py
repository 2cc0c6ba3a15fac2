"""The one way to forecast: settings, weights and an input in, forecasts of every method out.

Nothing here needs a truth: a test hands it over for the methods that are steered by it, if at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.schema import RunSettings, Sampling
from mindcast.models.base import Forecaster, ModelSpec
from mindcast.refusal import Refusal
from mindcast.samples import Sample


@dataclass(frozen=True)
class Forecasting:
    """A trained model, ready to forecast as its settings ask.

    methods: the forecasts that are wanted, of those that it can make. checkpoints: by stage, where
    its weights come from: "path", "step" and "of_steps", and "sha256" of the file.
    """

    forecaster: Forecaster
    methods: tuple[str, ...]
    sampling: Sampling
    checkpoints: Mapping[str, Mapping[str, Any]]

    def is_deterministic(self, method: str) -> bool:
        """Whether a method gives one forecast, whatever the number of members asked for."""
        return method in self.forecaster.deterministic

    @property
    def steps(self) -> int:
        """Sampling steps of single members that one sample takes, for a progress bar."""
        sampled = [method for method in self.methods if not self.is_deterministic(method)]
        return self.sampling.members * self.sampling.steps * len(sampled)

    def shape(self, method: str, of_one: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a method's forecast for one sample, from that of a single member."""
        return of_one if self.is_deterministic(method) else (self.sampling.members, *of_one)

    def of_sample(
        self, sample: Sample[Any], key: int, progress: Callable[[int], object] | None = None
    ) -> dict[str, np.ndarray]:
        """The forecasts for one sample, by method; an ensemble has its members in front.

        They are a function of (weights, input, seed, key). progress(k): k more sampling steps of
        one member are done. The truth may be absent, unless a method is steered by it: Refusal.
        """
        batch = sample.batched()
        forecasts = {}
        for method in self.methods:
            (forecast,) = self.forecaster.forecast(
                method, batch.input, [key], self.sampling.members, batch.truth, progress
            )
            forecasts[method] = forecast[0] if self.is_deterministic(method) else forecast
        return forecasts

    def in_parts(
        self,
        method: str,
        input: Any,
        members: int | None = None,
        seed: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """One forecast (an input that is not batched, key 0), some members at a time.

        Gives the number of the first and all of them (M, ...), in as few equal parts as hold at
        most `sampling.batch_size` members; a deterministic method has one member. Those that are
        left out, None, are the settings'.
        """
        wanted = self.sampling.members if members is None else members
        count = 1 if self.is_deterministic(method) else wanted
        batch = input.mapped(lambda array: array[np.newaxis])
        parts = -(-count // self.sampling.batch_size)
        size = -(-count // parts)
        for first in range(0, count, size):
            those = min(size, count - first)
            (made,) = self.forecaster.forecast(
                method, batch, [0], those, None, progress, first=first, seed=seed
            )
            yield first, made


def open_forecasting(
    spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path]
) -> Forecasting:
    """The model whose checkpoints `files` names by stage; MindSpore must have been started.

    Refusal for a checkpoint that does not fit the settings, or a method that cannot be made.
    """
    from mindcast.training.checkpoint import progress
    from mindcast.training.networks import load_all

    networks, information = load_all(spec, settings, files)
    origins = {}
    for stage, file in files.items():
        step, total = progress(file, information[stage])
        origins[stage] = {
            "path": str(file),
            "step": step,
            "of_steps": total,
            "sha256": digest(file),
        }
    graph = settings.runtime.mode == "graph"
    forecaster = spec.build_forecaster(
        settings.model, networks, settings.sampling, settings.runtime.seed, graph
    )
    methods = _chosen(forecaster, settings.evaluation.methods)
    return Forecasting(forecaster, methods, settings.sampling, origins)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chosen(forecaster: Forecaster, wanted: tuple[str, ...]) -> tuple[str, ...]:
    for name in wanted:
        if name not in forecaster.methods:
            known = ", ".join(forecaster.methods)
            raise Refusal(f"evaluation.methods: {name!r} cannot be made here, expected {known}")
    return tuple(wanted or forecaster.methods)
