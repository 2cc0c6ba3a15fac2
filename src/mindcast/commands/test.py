"""`--mode test`: forecasts over a split, scores beside the baselines, report and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mindcast.commands.networks import checkpoint_files, load_one
from mindcast.commands.request import Request, present, read_settings, run_path
from mindcast.config.schema import RunSettings, Sampling
from mindcast.data import open_split
from mindcast.data.base import Samples, arrays_of
from mindcast.models import load_spec
from mindcast.models.base import Forecaster, ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime import run_folder
from mindcast.runtime.parallel import World
from mindcast.runtime.run_folder import CONFIG, RunFolder
from mindcast.tasks import load_task


class Scored(Protocol):
    """One sample, with a batch axis of one: what a forecast may see, and what came."""

    conditioning: Any

    @property
    def truth(self) -> np.ndarray: ...

    def baseline(self, name: str) -> np.ndarray: ...

    def score(self, method: str, forecast: np.ndarray) -> None: ...


class Task(Protocol):
    """What scoring needs to know of a kind of sample: `Task(samples, settings, spec, methods)`.

    baselines: forecasts that cost nothing, scored on the same cases. case: sample `number` out of
    its arrays. keep: for figures. write: the report's files, gives the table. draw: the figures.
    """

    baselines: tuple[str, ...]

    def case(self, number: int, *arrays: np.ndarray) -> Scored: ...

    def keep(self, scored: Any) -> None: ...

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> str: ...

    def draw(self, folder: Path) -> Iterator[Path]: ...


def run(request: Request) -> None:
    """Score the networks of `ckpt_path`, or the best ones of the run in `--out`."""
    world = present(request)
    settings = read_settings(request)
    spec = load_spec(settings.model.name)
    samples = open_split(settings.data, settings.evaluation.split, spec.window(settings.model))
    path = _existing_source(request, settings)
    files = checkpoint_files(spec, settings, spec.stages, path)
    device = _start(request, settings, world)
    forecaster, provenance = _forecaster(spec, settings, files)
    methods = _chosen_methods(forecaster, settings)
    task: Task = load_task(spec.task)(samples, settings, spec, methods)
    if not world.is_leader:
        _score(settings, samples, forecaster, methods, task, world)
        return
    report, figures = _folder(path, settings).new_results()
    _score(settings, samples, forecaster, methods, task, world)
    about = {"data": samples.source, "device": device, **provenance}
    print(task.write(report, {**about, **_choices(settings, methods)}))
    for picture in task.draw(figures):
        print(f"picture: {picture}")
    print(f"scores: {report / 'scores.json'}, {report / 'scores.csv'}")


def _existing_source(request: Request, settings: RunSettings) -> Path:
    """The run folder to write into; Refusal if nothing says where the checkpoints are."""
    path = run_path(request, settings)
    if not settings.ckpt_path and not (path / CONFIG).is_file():
        raise Refusal(
            f"--mode test: {path} holds no run; name the run with --out, or a checkpoint with "
            "--set ckpt_path=FILE"
        )
    return path


def _folder(path: Path, settings: RunSettings) -> RunFolder:
    return RunFolder(path) if (path / CONFIG).is_file() else run_folder.create(path, settings)


def _start(request: Request, settings: RunSettings, world: World) -> str:
    from mindcast.runtime import device

    used = device.start(request.device_target, request.device_id, settings.runtime)
    world.join()
    return used


def _forecaster(
    spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path]
) -> tuple[Forecaster, dict[str, Any]]:
    """The forecaster and where its weights come from."""
    networks, origins = {}, {}
    for name, file in files.items():
        networks[name], information = load_one(spec, settings, name, file)
        origins[name] = {
            "path": information["path"],
            "step": information["position"]["step"],
            "of_steps": information["total_steps"],
        }
    compiled = settings.runtime.mode == "graph"
    forecaster = spec.build_forecaster(
        settings.model, networks, settings.sampling, settings.runtime.seed, compiled
    )
    return forecaster, {"model": spec.name, "checkpoints": origins}


def _chosen_methods(forecaster: Forecaster, settings: RunSettings) -> tuple[str, ...]:
    chosen = settings.evaluation.methods or forecaster.methods
    for name in chosen:
        if name not in forecaster.methods:
            known = ", ".join(forecaster.methods)
            raise Refusal(f"evaluation.methods: {name!r} cannot be made here, expected {known}")
    return tuple(chosen)


def _score(
    settings: RunSettings,
    samples: Samples,
    forecaster: Forecaster,
    methods: tuple[str, ...],
    task: Task,
    world: World,
) -> None:
    """Forecast and score every sample; some are kept for the figures.

    Each process forecasts every `world.size`-th sample; the leader scores all, in their order.
    """
    from tqdm import tqdm

    count, sampling = _sample_count(samples, settings), settings.sampling
    drawn = set(np.linspace(0, count - 1, min(settings.evaluation.figures, count)).astype(int))
    drawn_by_chance = [name for name in methods if name not in forecaster.deterministic]
    own = len(range(world.rank, count, world.size))
    work = own * sampling.members * sampling.steps * len(drawn_by_chance)
    quiet = not world.is_leader
    with tqdm(total=work, desc="forecast", unit="step", dynamic_ncols=True, disable=quiet) as bar:
        for first in range(0, count, world.size):
            numbers = range(first, min(first + world.size, count))
            cases = [task.case(n, *(a[None] for a in arrays_of(samples, n))) for n in numbers]
            keys = samples.keys[numbers.start : numbers.stop].tolist()
            forecasts = _forecasts(forecaster, methods, cases, keys, sampling, world, bar.update)
            for number, scored, made in zip(numbers, cases, forecasts, strict=True):
                if world.is_leader:
                    _enter(scored, made, task)
                    if number in drawn:
                        task.keep(scored)


def _forecasts(
    forecaster: Forecaster,
    methods: tuple[str, ...],
    cases: Sequence[Scored],
    keys: Sequence[int],
    sampling: Sampling,
    world: World,
    progress: Callable[[int], None],
) -> Iterator[dict[str, np.ndarray]]:
    """What each case's own process makes of it, by method, as all processes get it."""
    own: dict[str, np.ndarray] = {}
    if world.rank < len(cases):
        seen, truth = cases[world.rank].conditioning, cases[world.rank].truth
        for name in methods:
            key = keys[world.rank : world.rank + 1]
            own[name] = forecaster.forecast(name, seen, key, sampling.members, truth, progress)
    for rank, scored in enumerate(cases):
        made = {}
        for name in methods:
            members = 1 if name in forecaster.deterministic else sampling.members
            shape = (1, members, *scored.truth.shape[1:])
            made[name] = world.said_by(rank, own.get(name), shape)
        yield made


def _enter(scored: Scored, forecasts: Mapping[str, np.ndarray], task: Task) -> None:
    for name in task.baselines:
        scored.score(name, scored.baseline(name))
    for name, forecast in forecasts.items():
        scored.score(name, forecast)


def _sample_count(samples: Samples, settings: RunSettings) -> int:
    limit = settings.evaluation.max_samples
    return min(len(samples), limit) if limit else len(samples)


def _choices(settings: RunSettings, methods: tuple[str, ...]) -> dict[str, Any]:
    return {
        "split": settings.evaluation.split,
        "methods": list(methods),
        "seed": settings.runtime.seed,
        **settings.sampling.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
    }
