"""`--mode test`: forecasts over a split, scores beside the baselines, report and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mindcast.commands.request import Request, present, read_settings, run_path, start
from mindcast.config.schema import RunSettings
from mindcast.data import open_split
from mindcast.data.base import Samples, checked
from mindcast.forecasting import Forecasting, open_forecasting
from mindcast.models import load_spec
from mindcast.refusal import Refusal
from mindcast.runtime import run_folder
from mindcast.runtime.parallel import World
from mindcast.runtime.run_folder import CONFIG, RunFolder
from mindcast.tasks import load_task
from mindcast.tasks.base import Task
from mindcast.training.networks import checkpoint_files


def run(request: Request) -> None:
    """Score the networks of `ckpt_path`, or the best ones of the run in `--out`."""
    world = present(request)
    settings = read_settings(request)
    spec = load_spec(settings.model.name)
    window = spec.window(settings.model)
    samples = open_split(settings.data, settings.evaluation.split, window)
    path = _existing_source(request, settings)
    files = checkpoint_files(spec, settings, spec.stages, path)
    device = start(request, settings, world)
    model = open_forecasting(spec, settings, files)
    task: Task = load_task(spec.task)(samples, settings, window, model.methods)
    if not world.is_leader:
        _score(settings, samples, model, task, world)
        return
    report, figures = _folder(path, settings).new_results()
    _score(settings, samples, model, task, world)
    about = {"data": samples.source, "device": device, "model": spec.name}
    print(task.write(report, {**about, **_choices(settings, model)}))
    for picture in task.draw(figures):
        print(f"picture: {picture}")
    print(f"scores: {report / 'scores.json'}, {report / 'scores.csv'}")


def _existing_source(request: Request, settings: RunSettings) -> Path:
    """The run folder to write into; Refusal if nothing names the checkpoints."""
    path = run_path(request, settings)
    if not settings.ckpt_path and not (path / CONFIG).is_file():
        raise Refusal(
            f"--mode test: {path} holds no run; name the run with --out, or a checkpoint with "
            "--set ckpt_path=FILE"
        )
    return path


def _folder(path: Path, settings: RunSettings) -> RunFolder:
    return RunFolder(path) if (path / CONFIG).is_file() else run_folder.create(path, settings)


def _score(
    settings: RunSettings, samples: Samples, model: Forecasting, task: Task, world: World
) -> None:
    """Forecast and score every sample; some are kept for the figures.

    Each process forecasts every `world.size`-th sample; the leader scores all, in their order.
    """
    from tqdm import tqdm

    count = min(len(samples), settings.evaluation.max_samples or len(samples))
    drawn = set(np.linspace(0, count - 1, min(settings.evaluation.figures, count)).astype(int))
    work = model.steps * len(range(world.rank, count, world.size))
    quiet = not world.is_leader
    with tqdm(total=work, desc="forecast", unit="step", dynamic_ncols=True, disable=quiet) as bar:
        for first in range(0, count, world.size):
            numbers = range(first, min(first + world.size, count))
            cases = [task.case(number, checked(samples, number)) for number in numbers]
            own: dict[str, np.ndarray] = {}
            if world.rank < len(cases):
                key = int(samples.keys[numbers[world.rank]])
                own = model.of_sample(cases[world.rank].sample, key, bar.update)
            for rank, (number, case) in enumerate(zip(numbers, cases, strict=True)):
                for method in model.methods:
                    shape = model.shape(method, case.shape)
                    case.forecasts[method] = world.broadcast(own.get(method), shape, rank)
                if world.is_leader:
                    task.score(case)
                    if number in drawn:
                        task.keep(case)


def _choices(settings: RunSettings, model: Forecasting) -> dict[str, Any]:
    return {
        "checkpoints": model.checkpoints,
        "split": settings.evaluation.split,
        "methods": list(model.methods),
        "seed": settings.runtime.seed,
        **settings.sampling.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
    }
