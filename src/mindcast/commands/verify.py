"""`--mode verify`: forecast files, ours or anyone's, scored against what was observed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindcast.commands.request import Request
from mindcast.config.loader import of_overrides
from mindcast.config.verification import VerificationSettings
from mindcast.data.file_kinds import found_instead
from mindcast.data.incoming.find import find_files
from mindcast.data.incoming.read import require_known
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import RunFolder
from mindcast.runtime.versions import versions
from mindcast.tasks import load_verification, load_words
from mindcast.tasks.base import Verification
from mindcast.tasks.pages import write_report_page

HDF5 = b"\x89HDF\r\n\x1a\n"


def run(request: Request) -> None:
    """Read, score beside the baselines, write the report and pictures of a test."""
    settings = of_overrides(VerificationSettings, request.overrides)
    out = request.out or Path()
    _require_folder(out)
    paths, _ = find_files(request.forecasts, "--forecast")
    for path in paths:
        _require_netcdf(path)
    for option, given in (("--truth", request.truth), ("--context", request.context)):
        if given:
            require_known(given, settings.input, option)
    from mindcast.data.forecasts.kind import task_of  # late: it loads xarray

    task = task_of(paths[0])
    scoring = load_verification(task)(paths, request.truth, request.context, settings)
    drawn = _scored(scoring, settings.evaluation.figures)
    report, figures = RunFolder(out).new_results()
    table = scoring.write(report, _about(paths, request, settings, scoring))
    pictures = [path for case in drawn for path in scoring.draw_case(case, figures)]
    pictures += scoring.draw(figures)
    print(table)
    for note in scoring.notes:
        print(f"note: {note}")
    for picture in pictures:
        print(f"picture: {picture}")
    if request.report:
        print(f"page: {write_report_page(load_words(task), report, pictures)}")
    print(f"scores: {report / 'scores.json'}, {report / 'scores.csv'}")


def _require_folder(out: Path) -> None:
    """Refusal where a file is in the way: now, not when all is scored."""
    there = next((path for path in (out, *out.absolute().parents) if path.exists()), out)
    if there.is_file():
        raise Refusal(f"--out {out}: {there} is a file, expected a folder; choose another --out")


def _require_netcdf(path: Path) -> None:
    """Refusal of what cannot be a forecast, before what reads them is loaded."""
    try:
        with path.open("rb") as file:
            begins = file.read(8)
    except OSError as error:
        raise Refusal(f"--forecast {path}: cannot be read ({error.strerror}); mend that") from None
    if not begins.startswith((b"CDF", HDF5)):
        kind, remedy = found_instead(path) or ("no NetCDF file", "give another file")
        raise Refusal(
            f"--forecast {path}: is {kind}, expected the NetCDF file of a forecast; {remedy}"
        )


def _scored(scoring: Verification, figures: int) -> list[Any]:
    """Score all cases, before anything is written; gives the first, which are to be drawn."""
    from tqdm import tqdm

    drawn: list[Any] = []
    for case in tqdm(scoring.cases(), total=len(scoring), desc="verify", unit="forecast"):
        scoring.score(case)
        if len(drawn) < figures:
            drawn.append(case)
    return drawn


def _about(
    paths: list[Path], request: Request, settings: VerificationSettings, scoring: Verification
) -> dict[str, Any]:
    return {
        "methods": list(scoring.methods),
        "forecast": [str(path) for path in paths],
        "truth": list(request.truth),
        "context": list(request.context or request.truth),
        "notes": list(scoring.notes),
        "settings": settings.model_dump(mode="json"),
        "versions": versions(),
    }
