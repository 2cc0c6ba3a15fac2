"""The one folder that a run writes into; what is there already is never overwritten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.config.loader import to_yaml
from mindcast.config.schema import RunSettings
from mindcast.files import write_text
from mindcast.refusal import Refusal

CONFIG = "config.yaml"
OTHER_OUT = "choose another --out"


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run: config.yaml, checkpoints/, log.jsonl, tensorboard/, report/, figures/."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Add one JSON line to log.jsonl; Refusal where it cannot be written."""
        path = self.path / "log.jsonl"
        try:
            with open(path, "a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
        except OSError as error:
            raise Refusal(
                f"{path}: cannot be written ({error.strerror}); free some space and "
                "continue with --resume"
            ) from None

    def new_results(self) -> tuple[Path, Path]:
        """Fresh folders for a report and its figures: report/, or report_2/, report_3/ ..."""
        number = 1
        while True:
            suffix = f"_{number}" if number > 1 else ""
            report, figures = self.path / f"report{suffix}", self.path / f"figures{suffix}"
            if not report.exists() and not figures.exists():
                _make(report)
                _make(figures)
                return report, figures
            number += 1


def network_path(folder: Path, stage: str, which: str) -> Path:
    """Where a stage keeps its "best" or "last" network."""
    return folder / f"{stage}_{which}.ckpt"


def state_path(folder: Path, stage: str) -> Path:
    """Where a stage keeps what it needs to be resumed."""
    return folder / f"{stage}_state.ckpt"


def create(path: Path, settings: RunSettings) -> RunFolder:
    """A new run folder with its resolved settings. Refusal if something is there already."""
    if path.is_dir() and any(path.iterdir()):
        what = "holds a run" if (path / CONFIG).exists() else "is not empty"
        raise Refusal(f"--out {path}: {what}; continue it with --resume or choose another folder")
    if path.exists() and not path.is_dir():
        raise Refusal(f"--out {path}: is a file, expected a folder; choose another one")
    _make(path)
    write_text(path / CONFIG, to_yaml(settings), OTHER_OUT)
    return RunFolder(path)


def reopen(path: Path, before: RunSettings, settings: RunSettings) -> RunFolder:
    """The run in `path`, which began with the settings `before`, to be continued with `settings`.

    Refusal if its model is configured differently. Other settings may have changed (a longer
    training, another data folder): they are kept beside the first ones.
    """
    if before.model != settings.model:
        keys = ", ".join(_differing(before.model.model_dump(), settings.model.model_dump()))
        raise Refusal(
            f"--out {path}: its model was configured differently ({keys}); "
            f"use its own {CONFIG} or start a new run"
        )
    text = to_yaml(settings)
    if (path / CONFIG).read_text(encoding="utf-8") != text:
        number = 2
        while (path / f"config_{number}.yaml").exists():
            number += 1
        write_text(path / f"config_{number}.yaml", text, OTHER_OUT)
    return RunFolder(path)


def _differing(
    one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "model"
) -> list[str]:
    keys: list[str] = []
    for key, value in one.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict) and isinstance(other.get(key), dict):
            keys += _differing(value, other[key], name)
        elif value != other.get(key):
            keys.append(name)
    return keys


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"{path}: cannot make this folder ({error.strerror}); choose another"
        ) from None
