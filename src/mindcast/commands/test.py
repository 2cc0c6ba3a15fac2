"""`--mode test`: forecasts over a split, scores beside the baselines, report and figures."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from mindcast.capacity import fitted
from mindcast.commands import report
from mindcast.commands.cases import Cases
from mindcast.commands.report import Contents, Report
from mindcast.commands.request import (
    Request,
    began_with,
    computing_settings,
    present,
    run_path,
    start,
)
from mindcast.config.loader import to_yaml
from mindcast.config.schema import RunSettings
from mindcast.data import open_split
from mindcast.forecasting import Forecasting, open_forecasting
from mindcast.models import load_spec
from mindcast.refusal import Refusal
from mindcast.runtime import run_folder
from mindcast.runtime.run_folder import RunFolder, newest_config
from mindcast.runtime.versions import versions
from mindcast.tasks import load_task, load_words
from mindcast.tasks.base import Task
from mindcast.tasks.pages import write_report_page
from mindcast.training.networks import checkpoint_files, require_fitting


def run(request: Request) -> None:
    """Score the networks of `ckpt_path`, or the best ones of the run in `--out`.

    With `--resume`, go on with the run's newest unfinished report.
    """
    world = present(request)
    settings = computing_settings(request)
    spec = load_spec(settings.model.name)
    window = spec.window(settings.model)
    samples = open_split(settings.data, settings.evaluation.split, window)
    path = _existing_source(request, settings)
    files = checkpoint_files(spec, settings, spec.stages, path, began_with(request))
    require_fitting(spec, settings, files)
    device = start(request, settings, world)
    kind = load_task(spec.task)
    fit = fitted(spec, settings, kind.domain(samples), device, world)
    settings = fit.settings
    if world.is_leader:
        for note in fit.notes:
            print(f"note: {note}")
    model = open_forecasting(spec, settings, files, fit.rows)
    task: Task[Any] = kind(samples, settings, window, model.methods)
    cases = Cases(samples, settings.evaluation, model, task, world)
    about = {"data": samples.source, "device": device, "model": spec.name}
    about["precision"] = settings.runtime.precision
    about |= _choices(settings, model)
    with ExitStack() as stack:
        made = None
        if world.is_leader:
            identity = report.identity_of(settings, files, device, cases.labels)
            of = Contents(task, to_yaml(settings), about, identity, len(cases))
            if request.resume:
                made = stack.enter_context(report.go_on(RunFolder(path), of))
        first = cases.agree(made.done if made else 0)
        cases.check(first)  # before anything is written
        if world.is_leader and not request.resume:
            made = stack.enter_context(report.begin(_folder(path, settings), of))
        if made and made.finished:
            print(f"{made.folder}: is finished; leave out --resume for a new report")
        else:
            _score(cases, first, made)
        if made and request.report:
            page = write_report_page(load_words(spec.task), made.folder, made.pictures())
            print(f"page: {page}")


def _score(cases: Cases, first: int, made: Report | None) -> None:
    """Forecast the cases from `first` on; the leader scores all of them, in their order."""
    with made.kept() if made else nullcontext():
        for number, case in enumerate(cases.forecast(first), start=first):
            if made:
                made.add(case, number in cases.kept)
        table = made.finish() if made else ""
    if made:
        print(f"{table}\ndata: {cases.samples.source}")
        for picture in made.pictures():
            print(f"picture: {picture}")
        print(f"scores: {made.folder / 'scores.json'}, {made.folder / 'scores.csv'}")


def _existing_source(request: Request, settings: RunSettings) -> Path:
    """The run folder to write into; Refusal if nothing names the checkpoints."""
    path = run_path(request, settings)
    if not settings.ckpt_path and not newest_config(path):
        raise Refusal(
            f"--mode test: {path} holds no run; name the run with --out, or a checkpoint with "
            "--set ckpt_path=FILE"
        )
    return path


def _folder(path: Path, settings: RunSettings) -> RunFolder:
    return RunFolder(path) if newest_config(path) else run_folder.create(path, settings)


def _choices(settings: RunSettings, model: Forecasting) -> dict[str, Any]:
    return {
        "checkpoints": model.checkpoints,
        "split": settings.evaluation.split,
        "methods": list(model.methods),
        "seed": settings.runtime.seed,
        **settings.sampling.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "versions": versions(),
    }
