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
from mindcast.tasks import load_verification
from mindcast.tasks.base import Verification


def run(request: Request) -> None:
    """Read, score beside the baselines, write the report and pictures of a test."""
    settings = of_overrides(VerificationSettings, request.overrides)
    paths, _ = find_files(request.forecasts, "--forecast")
    from mindcast.data.forecasts.kind import task_of  # late: it loads xarray

    verification = load_verification(task_of(paths[0]))
    scoring = verification(paths, request.truth, request.context, settings)
    about = _about(paths, request, settings)
    _score(scoring, request.out or Path(), about, settings.evaluation.figures)


def _score(scoring: Verification, out: Path, about: Mapping[str, Any], figures: int) -> None:
    """All cases; the first of them are drawn. Nothing is written before all are scored."""
    from tqdm import tqdm

    drawn: list[Any] = []
    for case in tqdm(scoring.cases(), total=len(scoring), desc="verify", unit="forecast"):
        scoring.score(case)
        if len(drawn) < figures:
            drawn.append(case)
    report, folder = RunFolder(out).new_results()
    table = scoring.write(report, {**about, "notes": list(scoring.notes)})
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
