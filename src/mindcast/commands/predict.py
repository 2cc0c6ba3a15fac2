"""`--mode predict`: a user's own files in, a forecast of what nobody knows yet out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mindcast import __version__
from mindcast.capacity import Fitted, fitted
from mindcast.commands.request import (
    Request,
    began_with,
    computing_settings,
    present,
    start,
)
from mindcast.config.dates import parse_time
from mindcast.files import write_text
from mindcast.forecasting import Forecasting, open_forecasting
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import make
from mindcast.runtime.run_lock import FILES, locked
from mindcast.runtime.versions import versions
from mindcast.tasks import load_prediction
from mindcast.tasks.base import Prediction
from mindcast.tasks.pages import write_forecast_page
from mindcast.tasks.seconds import Seconds
from mindcast.trained import Trained, trained

RECORD, PAGE = "forecast.json", "forecast.html"
FOLDER = "forecasts"
REMEDY = "make room or choose another --to"


def run(request: Request) -> None:
    """Read, forecast, write; ends with where the files are and how long the parts took."""
    world = present(request)
    if world.size > 1:
        raise Refusal(f"--mode predict: works in one process, found {world.size}; start one")
    settings = computing_settings(request)
    found = trained(settings, request.out, began_with(request))
    at = _time(request)
    if request.to is not None:
        _require_free(request.to)
    seconds = Seconds()
    with seconds.part("read"):
        window = found.spec.window(settings.model)
        prediction = load_prediction(found.spec.task)(request.inputs, at, settings, window)
    folder = request.to or _by_default(request, prediction)
    _require_free(folder)
    for note in prediction.notes:
        print(f"note: {note}")
    with seconds.part("start"):
        device = start(request, settings, world)
        fit = fitted(found.spec, settings, prediction.domain, device)
    with seconds.part("load"):
        model = open_forecasting(found.spec, fit.settings, found.files, fit.rows)
        model = replace(model, methods=prediction.methods(model, settings.evaluation.methods))
    for note in fit.notes:
        print(f"note: {note}")
    about = _about(found, fit, model, prediction, device)
    with _new(folder):
        _predict(model, prediction, folder, about, seconds, request.report)


def _about(
    found: Trained, fit: Fitted, model: Forecasting, prediction: Prediction, device: str
) -> dict[str, Any]:
    """What makes the forecast, for its files and its record."""
    settings = fit.settings
    return {
        "model": found.spec.name,
        "mindcast": __version__,
        "checkpoints": model.checkpoints,
        "device": device,
        "precision": settings.runtime.precision,
        "seed": settings.runtime.seed,
        **settings.sampling.model_dump(mode="json"),
        "input": [str(path) for path in prediction.sources],
        "notes": [*prediction.notes, *fit.notes],
        "versions": versions(),
        "settings": settings.model_dump(mode="json"),
    }


def _predict(
    model: Forecasting,
    prediction: Prediction,
    folder: Path,
    about: Mapping[str, Any],
    seconds: Seconds,
    report: bool,
) -> None:
    """All files of the forecast, its pictures, the record of it, and its page if asked for."""
    from tqdm import tqdm

    from mindcast.compiled import COMPILING, shown

    before = COMPILING.seconds
    total = model.steps * prediction.count
    written = []
    bar = tqdm(total=total, desc="forecast", unit="step", dynamic_ncols=True)
    with bar, shown(bar.set_postfix_str):
        for path in prediction.write(model, folder, about, seconds, bar.update):
            written.append(path)
            bar.write(f"forecast: {path}")
    seconds.move(COMPILING.seconds - before, "sample", "compile")
    pictures = []
    for picture in seconds.each("draw", prediction.draw(folder)):
        pictures.append(picture)
        print(f"picture: {picture.path}")
    took = {name: round(seconds.of[name], 2) for name in seconds.of}
    files = [path.name for path in written]
    record = {**about, "methods": list(model.methods), "files": files, "seconds": took}
    write_text(folder / RECORD, json.dumps(record, indent=1, default=str) + "\n", REMEDY)
    if report:
        write_forecast_page(folder / PAGE, prediction.facts, record, pictures)
        print(f"page: {folder / PAGE}")
    print("seconds: " + ", ".join(f"{name} {took[name]:.1f}" for name in sorted(took)))


def _time(request: Request) -> np.datetime64 | None:
    if request.at is None:
        return None
    try:
        return np.datetime64(parse_time(request.at), "s")
    except ValueError as error:
        raise Refusal(f"--at: {error}") from None


def _by_default(request: Request, prediction: Prediction) -> Path:
    """A folder named by the time of the last frame, in that of the run if there is one."""
    stamp = str(np.datetime64(prediction.last, "s")).replace("-", "").replace(":", "")
    return (request.out or Path()) / FOLDER / stamp.removesuffix("00")


def _require_free(folder: Path) -> None:
    """Refusal where the folder holds anything."""
    if folder.is_dir():
        held = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
        if held:
            what = "a forecast" if RECORD in held or held[0].endswith(".nc") else held[0]
            raise Refusal(f"--to {folder}: holds {what} already; choose another --to")
    elif folder.exists():
        raise Refusal(f"--to {folder}: is a file, expected a folder; choose another --to")


@contextmanager
def _new(folder: Path) -> Iterator[None]:
    """The folder, for this process alone to write into; gone again where nothing was written."""
    make(folder)
    try:
        with locked(folder, f"--to {folder}", "wait for its end, or choose another --to"):
            yield
    finally:
        for name in FILES:
            with suppress(OSError):
                (folder / name).unlink()
        with suppress(OSError):  # it holds something
            folder.rmdir()
