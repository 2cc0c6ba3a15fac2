"""`--mode verify`: forecast files, ours or anyone's, scored against what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindcast import __version__
from mindcast.commands.request import Request
from mindcast.config.loader import of_overrides
from mindcast.config.verification import VerificationSettings
from mindcast.data.incoming.find import find_files
from mindcast.runtime.run_folder import RunFolder


def run(request: Request) -> None:
    """Read, score beside the baselines, write the report and pictures of a test."""
    settings = of_overrides(VerificationSettings, request.overrides)
    paths, _ = find_files(request.forecasts, "--forecast")
    scoring = _opened(paths, request, settings)
    about = _about(paths, request, settings)
    _score(scoring, request.out or Path(), about, settings.evaluation.figures)


def _opened(paths: list[Path], request: Request, settings: VerificationSettings) -> Any:
    """The forecasts with their truth, see `tasks.nowcast.verification.Verification`."""
    # late: they load xarray and SciPy, and refusals above do without
    from mindcast.data.forecasts.observed import Observed
    from mindcast.data.forecasts.read import open_forecast
    from mindcast.tasks.nowcast.verification import Verification

    files = [open_forecast(path, settings.forecast) for path in paths]
    step = files[0].times.step_minutes
    truth = Observed(request.truth, "--truth", settings.input, step)
    context = None
    if request.context:
        context = Observed(request.context, "--context", settings.input, step)
    return Verification(files, truth, context, settings)


def _score(scoring: Any, out: Path, about: Mapping[str, Any], figures: int) -> None:
    """All cases; the first of them are drawn. Nothing is written before all are scored."""
    from tqdm import tqdm

    drawn: list[Any] = []
    for case in tqdm(scoring.cases(), total=len(scoring), desc="verify", unit="forecast"):
        scoring.score(case)
        if len(drawn) < figures:
            drawn.append(case)
    report, folder = RunFolder(out).new_results()
    provenance = {**about, "notes": list(scoring.notes)}
    table = scoring.write(report, provenance)
    pictures = [path for case in drawn for path in scoring.draw_case(case, folder)]
    pictures += scoring.draw(folder)
    print(table)
    for note in scoring.notes:
        print(f"note: {note}")
    for picture in pictures:
        print(f"picture: {picture}")
    print(f"scores: {report / 'scores.json'}, {report / 'scores.csv'}")


def _about(paths: list[Path], request: Request, settings: VerificationSettings) -> dict[str, Any]:
    return {
        "mindcast": __version__,
        "forecast": [str(path) for path in paths],
        "truth": list(request.truth),
        "context": list(request.context or request.truth),
        "settings": settings.model_dump(mode="json"),
    }
