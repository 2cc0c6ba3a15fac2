"""`--mode test`: forecasts over a split, scores beside persistence, report and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.cli import Request
from src.commands.networks import checkpoint_files, load_one
from src.commands.request import read_settings, run_path
from src.config.schema import RunSettings
from src.data import open_split
from src.data.base import Sequences
from src.evaluation.baselines import persistence
from src.evaluation.report import table_text, write_report
from src.models import load_spec
from src.models.base import Forecaster, ModelSpec
from src.refusal import Refusal
from src.runtime import run_folder
from src.runtime.run_folder import CONFIG, RunFolder
from src.visualization.case import Case

if TYPE_CHECKING:
    from src.evaluation.suite import NowcastSuite  # late at run time: it loads SciPy

PERSISTENCE = "persistence"


def run(request: Request) -> None:
    """Score the networks of `ckpt_path`, or the best ones of the run in `--out`."""
    settings = read_settings(request)
    spec = load_spec(settings.model.name)
    sequences = open_split(settings.data, settings.evaluation.split, spec.window(settings.model))
    path = _existing_source(request, settings)
    files = checkpoint_files(spec, settings, spec.stages, path)
    device = _start(request, settings)
    forecaster, provenance = _forecaster(spec, settings, files)
    methods = _chosen_methods(forecaster, settings)
    folder = _folder(path, settings)
    report, figures = folder.new_results()
    suite = _suite(sequences, settings, spec, (PERSISTENCE, *methods))
    cases = _score(spec, settings, sequences, forecaster, methods, suite)
    result = suite.result()
    about = {"data": sequences.source, "device": device, **provenance}
    write_report(report, result, {**about, **_choices(settings, methods)})
    print(table_text(result))
    for picture in _draw(figures, result, cases, settings):
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


def _start(request: Request, settings: RunSettings) -> str:
    from src.runtime import device

    return device.start(request.device_target, request.device_id, settings.runtime)


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


def _suite(
    sequences: Sequences, settings: RunSettings, spec: ModelSpec, methods: tuple[str, ...]
) -> NowcastSuite:
    from src.evaluation.suite import NowcastSuite

    window = spec.window(settings.model)
    frames = window.length - window.context
    minutes = [sequences.interval_minutes * (k + 1) for k in range(frames)]
    pools = settings.evaluation.pools
    return NowcastSuite(methods, sequences.thresholds, sequences.value_scale, pools, minutes)


def _score(
    spec: ModelSpec,
    settings: RunSettings,
    sequences: Sequences,
    forecaster: Forecaster,
    methods: tuple[str, ...],
    suite: NowcastSuite,
) -> list[tuple[str, Case]]:
    """Forecast and score every sample; gives the cases to draw, with their labels."""
    from tqdm import tqdm

    count = _sample_count(sequences, settings)
    context_frames = spec.window(settings.model).context
    drawn = set(np.linspace(0, count - 1, min(settings.evaluation.figures, count)).astype(int))
    members, cases = settings.sampling.members, []
    work = count * members * sum(forecaster.member_steps(method) for method in methods)
    with tqdm(total=work, desc="forecast", unit="step", dynamic_ncols=True) as bar:
        for number, (context, truth) in enumerate(_samples(sequences, count, context_frames)):
            suite.update(PERSISTENCE, persistence(context, truth.shape[1]), truth)
            for method in methods:
                key = [int(sequences.keys[number])]
                ensemble = forecaster.forecast(method, context, key, members, truth, bar.update)
                suite.update(method, ensemble, truth)
                if number in drawn:
                    case = Case(method, context[0], truth[0], ensemble[0],
                                sequences.times(number), sequences.value_scale)  # fmt: skip
                    cases.append((sequences.label(number), case))
    return cases


def _sample_count(sequences: Sequences, settings: RunSettings) -> int:
    limit = settings.evaluation.max_samples
    return min(len(sequences), limit) if limit else len(sequences)


def _samples(
    sequences: Sequences, count: int, context_frames: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(context, truth), each with a batch axis of one."""
    for number in range(count):
        sequence = sequences[number]
        if not np.isfinite(sequence).all():
            raise Refusal(f"{sequences.source}: sample {sequences.label(number)} holds NaN or "
                          "infinity; mend the data or leave the event out")  # fmt: skip
        yield sequence[None, :context_frames], sequence[None, context_frames:]


def _choices(settings: RunSettings, methods: tuple[str, ...]) -> dict[str, Any]:
    return {
        "split": settings.evaluation.split,
        "methods": list(methods),
        "seed": settings.runtime.seed,
        **settings.sampling.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
    }


def _draw(
    folder: Path, result: dict[str, Any], cases: list[tuple[str, Case]], settings: RunSettings
) -> Iterator[Path]:
    from src.visualization.animation import forecast_animation
    from src.visualization.curves import csi_curves, error_curves
    from src.visualization.panels import forecast_panel

    for label, case in cases:
        panel = folder / f"{case.method}_{label}.png"
        forecast_panel(panel, case, settings.evaluation.probability_threshold, label)
        animation = panel.with_suffix(".gif")
        forecast_animation(animation, case, label)
        yield from (panel, animation)
    for pool in settings.evaluation.pools:
        curves = folder / (f"csi_pool{pool}.png" if pool > 1 else "csi.png")
        csi_curves(curves, result, pool)
        yield curves
    errors = folder / "errors.png"
    error_curves(errors, result)
    yield errors
