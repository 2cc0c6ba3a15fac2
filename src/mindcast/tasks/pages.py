"""A report, or a forecast, as one page for a browser; made of the files that are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mindcast.page.document import MEDIA, Page, Picture, Section, Table, write_page
from mindcast.refusal import Refusal

REPORT = "report.html"
NEW_ONE = "leave out --resume for a new report"


@dataclass(frozen=True)
class Words:
    """What a task says of its report.

    tables, notes: of the contents of scores.json, see `evaluation.nowcast.report`. curves: by name
    of the picture, or a pattern of names, caption and what is seen. cases: likewise, of a picture
    whose name begins with method and case, "*" and its end; the caption names these in front.
    """

    tables: Callable[[Mapping[str, Any]], Mapping[str, Sequence[Sequence[str]]]]
    notes: Callable[[Mapping[str, Any]], Sequence[str]]
    curves: Mapping[str, tuple[str, str]]
    cases: Mapping[str, tuple[str, str]]


def write_report_page(words: Words, folder: Path, pictures: Sequence[Path]) -> Path:
    """Write report.html beside the scores in `folder`; gives its path. An older one is replaced.

    pictures: those of the report, in that order; of other kinds than PNG and GIF nothing is shown.
    Refusal where the scores are not those of a finished report of this version.
    """
    path = folder / "scores.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        page = _report(words, result, pictures)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise Refusal(f"{path}: holds no report of this version; {NEW_ONE}") from None
    write_page(folder / REPORT, page)
    return folder / REPORT


def write_forecast_page(
    path: Path, facts: Mapping[str, str], record: Mapping[str, Any], pictures: Sequence[Picture]
) -> None:
    """Write the page of a forecast whose truth is not known.

    facts: what was forecast, in words. record: what made it, as in its files. Refusal where a
    picture cannot be read or the page not be written.
    """
    model = str(record.get("model", "unknown model"))
    notes = [str(note) for note in record.get("notes", ())]
    sections = [
        Section("What was forecast", facts),
        *([Section("What was done to the input", notes=notes)] if notes else []),
        *([Section("Pictures", pictures=pictures)] if pictures else []),
        *_made_by(record),
    ]
    write_page(path, Page(f"{model}: forecast", "What came of it is not known yet.", sections))


def _report(words: Words, result: Mapping[str, Any], pictures: Sequence[Path]) -> Page:
    record = result["provenance"]
    cases = max((row["cases"] for row in result["rows"].values()), default=0)
    tables = [Table(name, cells) for name, cells in words.tables(result).items()]
    curves, of_cases = _sorted(words, record, pictures)
    verified = "truth" in record
    of_what = "of files" if verified else f"of the {record['split']} split"
    facts = _verified(record) if verified else _facts(record)
    remarks = [str(note) for note in record.get("notes", ())]
    return Page(
        f"{record['methods'][0] if verified else record['model']}: scores of {cases} "
        f"{'case' if cases == 1 else 'cases'}",
        f"Forecasts {of_what}, scored beside baselines on the same cases.",
        [
            Section("What was forecast", facts, notes=remarks),
            Section("Scores", tables=tables, notes=words.notes(result)),
            *([Section("Curves", pictures=curves)] if curves else []),
            *([Section("Cases", pictures=of_cases)] if of_cases else []),
            *_made_by(record),
        ],
    )


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Model": str(record["model"]),
        "Methods": ", ".join(record["methods"]),
        "Data": str(record["data"]),
        "Split": str(record["split"]),
        "Members": str(record["members"]),
        "Sampler": f"{record['sampler']}, {record['steps']} steps",
        "Seed": str(record["seed"]),
        "Device": str(record["device"]),
    }


def _verified(record: Mapping[str, Any]) -> dict[str, str]:
    """Of a report of forecast files."""
    names = {"Forecast": "forecast", "Truth": "truth", "Context of the baselines": "context"}
    return {name: "\n".join(map(str, record[key])) for name, key in names.items()}


def _made_by(record: Mapping[str, Any]) -> list[Section]:
    """Provenance, versions and settings of whatever was made."""
    others = {key: record[key] for key in record if key not in ("settings", "versions", "notes")}
    settings = _yaml(record.get("settings", {}))
    versions = {key: str(value) for key, value in record.get("versions", {}).items()}
    return [
        Section("Provenance", dict(_flat(others))),
        Section("Versions", versions or {"Versions": "not recorded"}),
        Section("Settings", text=settings),
    ]


def _yaml(settings: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(
        settings, sort_keys=False, allow_unicode=True, default_flow_style=None, width=88
    )


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Names with dots and texts of all values, those of a list in lines."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, (list, tuple)):
            yield f"{above}{key}", "\n".join(str(item) for item in value)
        else:
            yield f"{above}{key}", str(value)


def _sorted(
    words: Words, record: Mapping[str, Any], pictures: Sequence[Path]
) -> tuple[list[Picture], list[Picture]]:
    """Pictures of scores and of cases; of which the words say nothing, by the file's name."""
    curves, of_cases = [], []
    for path in pictures:
        pattern = _fitting(words.cases, path)
        name = _case(path.name.removesuffix((pattern or "").lstrip("*")), record["methods"])
        if known := _fitting(words.curves, path):
            curves.append(Picture(path, *words.curves[known]))
        elif pattern and name:
            caption, text = words.cases[pattern]
            of_cases.append(Picture(path, f"{name}: {caption}", f"{text} {name}."))
        elif path.suffix in MEDIA:
            title = path.stem.replace("_", " ")
            curves.append(Picture(path, title, f"Scores of all methods: {title}."))
    return curves, of_cases


def _fitting(patterns: Iterable[str], path: Path) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(path.name, pattern)), None)


def _case(name: str, methods: Sequence[str]) -> str:
    """ "diffcast, event_0" of "diffcast_event_0"; the longest name of a method counts."""
    method = max((of for of in methods if name.startswith(f"{of}_")), key=len, default="")
    return f"{method}, {name.removeprefix(f'{method}_')}" if method else ""
