"""The one way to forecast: settings, weights and an input in, forecasts of every method out.

Nothing here needs a truth: a test hands it over for the methods that are steered by it, if at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.schema import RunSettings, Sampling
from mindcast.models.base import Forecaster, ModelSpec
from mindcast.models.remembered import Remembered
from mindcast.refusal import Refusal
from mindcast.samples import Sample, stacked
from mindcast.training.origin import settings_in


@dataclass(frozen=True)
class Forecasting:
    """A trained model, ready to forecast as its settings ask.

    methods: the forecasts that are wanted, of those that it can make. sampling: with the rows that
    networks take at once. checkpoints: by stage, where its weights come from: "path", "step" and
    "of_steps", "trained_in" (the number type of the products), and "sha256" of the file.
    """

    forecaster: Forecaster
    methods: tuple[str, ...]
    sampling: Sampling
    checkpoints: Mapping[str, Mapping[str, Any]]
    _batched: Remembered = field(default_factory=Remembered)

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

    @property
    def cases_at_once(self) -> int:
        """Samples whose members together fill a batch; 1 where no method draws members."""
        drawn = any(not self.is_deterministic(method) for method in self.methods)
        return max(1, self.sampling.at_once // self.sampling.members) if drawn else 1

    def of_samples(
        self,
        samples: Sequence[Sample[Any]],
        keys: Sequence[int],
        progress: Callable[[int], object] | None = None,
    ) -> list[dict[str, np.ndarray]]:
        """The forecasts for samples of the same shapes, by method; an ensemble has its members in
        front.

        Those of each are a function of (weights, its input, seed, its key). progress(k): k more
        sampling steps of one member are done. The truth may be absent, unless a method is steered
        by it: Refusal.
        """
        batch = stacked(samples)
        forecasts: list[dict[str, np.ndarray]] = [{} for _ in samples]
        for method in self.methods:
            members = self.sampling.members
            parts = self._parts(method, batch.input, keys, members, batch.truth, None, progress)
            made = np.concatenate([members for _, members in parts], axis=1)
            for number, of_sample in enumerate(forecasts):
                single = self.is_deterministic(method)
                of_sample[method] = made[number, 0] if single else made[number]
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

        Gives the number of the first and all of them (M, ...), in as few equal parts as the
        networks take at once; a deterministic method has one member. Those that are left out, None,
        are the settings'.
        """
        wanted = self.sampling.members if members is None else members
        batch = self._batched.of(
            input, "batch", lambda: input.mapped(lambda array: array[np.newaxis])
        )
        for first, made in self._parts(method, batch, [0], wanted, None, seed, progress):
            yield first, made[0]

    def _parts(
        self,
        method: str,
        batch: Any,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None,
        seed: int | None,
        progress: Callable[[int], object] | None,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """(number of the first, members (N, M, ...)) of a batch of N cases."""
        count = 1 if self.is_deterministic(method) else members
        most = max(1, self.sampling.at_once // len(keys))
        size = -(-count // -(-count // most))
        for first in range(0, count, size):
            those = min(size, count - first)
            yield (
                first,
                self.forecaster.forecast(
                    method, batch, keys, those, truth, progress, first=first, seed=seed
                ),
            )


def open_forecasting(
    spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path], rows: int
) -> Forecasting:
    """The model whose checkpoints `files` names by stage; MindSpore must have been started.

    rows: that the networks take at once, see `mindcast.capacity`.
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
            "trained_in": _precision(information[stage]),
            "sha256": digest(file),
        }
    graph = settings.runtime.mode == "graph"
    sampling = settings.sampling.model_copy(update={"batch_size": rows})
    forecaster = spec.build_forecaster(
        settings.model, networks, sampling, settings.runtime.seed, graph
    )
    methods = _chosen(forecaster, settings.evaluation.methods)
    return Forecasting(forecaster, methods, sampling, origins)


def _precision(information: Mapping[str, Any]) -> str:
    """In which number type a checkpoint's products were computed; float32 before there was one."""
    runtime = settings_in(information).get("runtime")
    return str(runtime.get("precision", "float32")) if isinstance(runtime, dict) else "float32"


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
