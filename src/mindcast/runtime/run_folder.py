"""The one folder that a run writes into; what is there already is never overwritten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.config.loader import to_yaml
from mindcast.config.marks import differences, meaning_of
from mindcast.config.schema import RunSettings
from mindcast.files import remove_leftovers, write_text
from mindcast.refusal import Refusal
from mindcast.runtime import run_log
from mindcast.runtime.run_lock import FILES

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

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def new_results(self) -> tuple[Path, Path]:
        """Fresh folders for a report and its figures: report/, or report_2/, report_3/ ..."""
        number = 1
        while True:
            report, figures = self.results(number)
            try:
                if not figures.exists():
                    make(report, exist_ok=False)  # of two tests at once one has it
                    make(figures)
                    return report, figures
            except FileExistsError:
                pass
            number += 1

    def results(self, number: int) -> tuple[Path, Path]:
        """The folders of a report, counted from 1, and of its figures."""
        suffix = f"_{number}" if number > 1 else ""
        return self.path / f"report{suffix}", self.path / f"figures{suffix}"

    def reports(self) -> list[tuple[Path, Path]]:
        """The reports that there are, the newest first, each with the folder of its figures."""
        names = (re.fullmatch(r"report(?:_(\d+))?", file.name) for file in self.path.iterdir())
        numbers = sorted((int(match[1] or 1) for match in names if match), reverse=True)
        return [self.results(number) for number in numbers]

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Add one JSON line to log.jsonl; Refusal where it cannot be written."""
        run_log.append(self.log, record)

    def forget_after(self, stage: str, step: int) -> None:
        """Take the records of later steps of a stage out of log.jsonl, which will come again."""
        run_log.forget_after(self.log, stage, step)


def network_path(folder: Path, stage: str, which: str) -> Path:
    """Where a stage keeps its "best" or "last" network."""
    return folder / f"{stage}_{which}.ckpt"


def state_path(folder: Path, stage: str) -> Path:
    """Where a stage keeps what it needs to be resumed."""
    return folder / f"{stage}_state.ckpt"


def keep_networks(folder: Path, stage: str) -> list[Path]:
    """Rename the networks of a stage that begins anew, its state being lost; their new places.

    The first ones are kept: a training that was killed before its first state made later ones.
    """
    kept = []
    for which in ("best", "last"):
        path, aside = (network_path(folder, stage, name) for name in (which, f"{which}_before"))
        if path.is_file() and not aside.exists():
            path.rename(aside)
            kept.append(aside)
    return kept


def newest_config(path: Path) -> Path | None:
    """The settings that a run was last continued with, or those it began with; None: no run.

    They are config.yaml, then config_2.yaml, config_3.yaml ...
    """
    configs = _configs(path)
    return configs[max(configs)] if configs else None


def _configs(path: Path) -> dict[int, Path]:
    names = [CONFIG, *(file.name for file in path.glob("config_*.yaml"))]
    numbers = {name: re.fullmatch(r"config(?:_(\d+))?\.yaml", name) for name in names}
    return {
        int(match[1] or 1): path / name
        for name, match in numbers.items()
        if match and (path / name).is_file()
    }


def require_free(path: Path) -> None:
    """Refusal if something is in the place of a new run folder already."""
    if path.is_dir() and any(file.name not in FILES for file in path.iterdir()):
        what = "holds a run" if newest_config(path) else "is not empty"
        raise Refusal(f"--out {path}: {what}; continue it with --resume or choose another folder")
    if path.exists() and not path.is_dir():
        raise Refusal(f"--out {path}: is a file, expected a folder; choose another one")


def create(path: Path, settings: RunSettings) -> RunFolder:
    """A new run folder with its resolved settings. Refusal if something is there already."""
    require_free(path)
    make(path)
    write_text(path / CONFIG, to_yaml(settings), OTHER_OUT)
    return RunFolder(path)


def reopen(path: Path, before: RunSettings, settings: RunSettings) -> RunFolder:
    """The run in `path`, which had the settings `before` last, to be continued with `settings`.

    Refusal if its model, or what the numbers of its data mean, is configured differently. Other
    settings may have changed (a longer training, another data folder): they are kept beside the
    earlier ones.
    """
    model = [d.key for d in differences(before.model.model_dump(), settings.model.model_dump())]
    data: list[str] = []
    if before.data.name == settings.data.name:
        tree = before.data.model_dump(mode="json")
        data = [d.key for d in differences(tree, meaning_of(settings.data, tree))]
    for section, names in (("model", model), ("data", data)):
        if names:
            keys = ", ".join(f"{section}.{name}" for name in names)
            raise Refusal(
                f"--out {path}: its {section} was configured differently ({keys}); "
                f"use its own {CONFIG} or start a new run"
            )
    for folder in (path, path / "checkpoints"):
        remove_leftovers(folder)
    if before != settings:
        write_text(path / f"config_{max(_configs(path)) + 1}.yaml", to_yaml(settings), OTHER_OUT)
    return RunFolder(path)


def make(path: Path, exist_ok: bool = True) -> None:
    """A new folder; Refusal where it cannot be made. FileExistsError only without `exist_ok`."""
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise Refusal(f"{path}: is a file, expected a folder; choose another") from None
        raise
    except OSError as error:
        raise Refusal(
            f"{path}: cannot make this folder ({error.strerror}); choose another"
        ) from None
