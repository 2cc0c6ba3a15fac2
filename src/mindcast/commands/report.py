"""The report of a test while it is made: case by case, so that a test can stop and go on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.cases import Case
from mindcast.config.marks import SPEED, differences, without
from mindcast.config.schema import RunSettings
from mindcast.evaluation import unfinished
from mindcast.evaluation.unfinished import Unfinished
from mindcast.files import remove_leftovers, write_text
from mindcast.forecasting import digest
from mindcast.refusal import Refusal
from mindcast.runtime.interrupts import explained
from mindcast.runtime.run_folder import RunFolder
from mindcast.runtime.run_lock import LOCK, locked
from mindcast.tasks.base import Task

NEW_ONE = "leave out --resume for a new report"
ROOM = "make room and continue with --resume"
SETTINGS = "unfinished.yaml"
SHARE = 10.0  # saving may take one part in so many of the time


@dataclass(frozen=True)
class Contents:
    """What a report is of.

    settings: of the test, as YAML. provenance: what made the forecasts, for its files. identity:
    what its numbers depend on, see `identity_of`. count: cases that it will have.
    """

    task: Task[Any]
    settings: str
    provenance: Mapping[str, Any]
    identity: Mapping[str, Any]
    count: int


class Report:
    """A report's folder and that of its figures; `done` cases are in it so far, and saved."""

    def __init__(
        self, folders: tuple[Path, Path], of: Contents, done: int = 0, finished: bool = False
    ) -> None:
        self.folder, self.figures = folders
        self.of, self.task, self.done = of, of.task, done
        self.consistent = True  # the scores hold `done` cases, all of them wholly
        self.finished, self.saved = finished, done
        self.due = 0.0  # when to save again, by the monotonic clock

    def add(self, case: Case[Any], keep: bool) -> None:
        """Score the next case, and write and draw it if it is to be kept."""
        if keep:
            self.save()  # what a picture that fails may not take along
        self.consistent = False
        self.task.score(case)
        if keep:
            self.task.keep(case, self.folder, self.of.provenance)
            for _ in self.task.draw_case(case, self.figures):
                pass
        self.done += 1
        self.consistent = True
        if keep or time.monotonic() >= self.due:
            self.save()

    def save(self) -> None:
        """Put the scores so far, and what they go on from, into the folder."""
        if not self.consistent or self.saved == self.done:
            return
        begun = time.monotonic()
        state = Unfinished(self.of.identity, self.done, self.task.suite.state())
        unfinished.write(self.folder, state, ROOM)
        so_far = {"cases": self.done, "of": self.of.count}
        self.task.write(self.folder, self.of.provenance, unfinished=so_far)
        self.saved = self.done
        self.due = time.monotonic() + SHARE * (time.monotonic() - begun)

    def finish(self) -> str:
        """Write all scores, draw them, and make the report a finished one; gives the table."""
        self.save()
        table = self.task.write(self.folder, self.of.provenance)
        for _ in self.task.draw(self.figures):
            pass
        for name in (unfinished.FILE, SETTINGS, LOCK):
            (self.folder / name).unlink(missing_ok=True)
        return table

    def pictures(self) -> list[Path]:
        """All that were drawn, in that order."""
        return sorted(self.figures.iterdir(), key=lambda path: path.stat().st_mtime_ns)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever ends the block early, what was scored is saved and the user learns of it."""
        try:
            with explained(self._so_far):
                yield
        except Refusal as refusal:
            text = self._so_far()
            if not self.saved:
                raise
            raise Refusal(f"{refusal}; {text}") from None
        except BaseException:
            self.save()
            raise

    def _so_far(self) -> str:
        self.save()
        return (
            f"{self.saved} of {self.of.count} cases are scored in {self.folder}; continue with "
            f"--mode test --out {self.folder.parent} --resume"
        )


@contextmanager
def begin(run: RunFolder, of: Contents) -> Iterator[Report]:
    """A new report, for this process alone to write."""
    folders = run.new_results()
    with _alone(folders[0]):
        write_text(folders[0] / SETTINGS, of.settings, ROOM)
        unfinished.write(folders[0], Unfinished(of.identity, 0, {}), ROOM)
        yield Report(folders, of)


@contextmanager
def go_on(run: RunFolder, of: Contents) -> Iterator[Report]:
    """The newest unfinished report, its scores put into the task; or the newest, finished.

    Refusal if there is none, if it is of other settings, checkpoints or samples, or in use.
    """
    folders = _newest(run)
    with _alone(folders[0]):
        state = unfinished.read(folders[0])
        before = _begun_with(folders[0]) if state is None else state.identity
        _require_same(folders[0], before, of.identity)
        if state is None:
            (folders[0] / LOCK).unlink(missing_ok=True)
            yield Report(folders, of, of.count, finished=True)
        else:
            yield _restored(folders, of, state)


def _restored(folders: tuple[Path, Path], of: Contents, state: Unfinished) -> Report:
    for folder in folders:
        remove_leftovers(folder)
    try:
        of.task.suite.restore(state.sums)
    except (LookupError, ValueError, TypeError, AttributeError):
        raise Refusal(f"{folders[0]}: was begun by another version; {NEW_ONE}") from None
    return Report(folders, of, state.cases)


def begun_settings(path: Path) -> Path | None:
    """The settings of the report that `go_on` would continue in a run; None if there is none."""
    begun = [folder / SETTINGS for folder, _ in RunFolder(path).reports() if _is_begun(folder)]
    return begun[0] if begun and begun[0].is_file() else None


def identity_of(
    settings: RunSettings, files: Mapping[str, Path], device: str, labels: Sequence[str]
) -> dict[str, Any]:
    """What the numbers of a report depend on, as JSON has it: files by their content."""
    tree = without(settings, SPEED)
    settings_used = {
        key: tree[key] for key in tree if key not in ("training", "ckpt_path", "input")
    }
    return {
        "settings": settings_used,
        "checkpoint": {stage: digest(path) for stage, path in files.items()},
        "device": device,
        "samples": hashlib.sha256("\n".join(labels).encode()).hexdigest(),
    }


def _alone(folder: Path) -> Any:
    return locked(folder, str(folder), NEW_ONE)


def _newest(run: RunFolder) -> tuple[Path, Path]:
    """The newest report that is unfinished, else the newest."""
    reports = run.reports()
    if not reports:
        raise Refusal(f"--out {run.path}: holds no report to continue; {NEW_ONE}")
    begun = [pair for pair in reports if _is_begun(pair[0])]
    return (begun or reports)[0]


def _is_begun(folder: Path) -> bool:
    return (folder / unfinished.FILE).is_file()


def _begun_with(folder: Path) -> dict[str, Any]:
    """What a finished report says of itself."""
    try:
        document = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        return {"settings": dict(document["provenance"]["settings"])}
    except (OSError, ValueError, LookupError, TypeError):
        raise Refusal(f"{folder}: holds nothing to continue; {NEW_ONE}") from None


def _require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = next(differences(before, now), None)
    if found is None:
        return
    section, _, key = found.key.partition(".")
    if section == "settings":
        raise Refusal(
            f"{folder}: was begun with {key} = {found.before}, not {found.now}; set it so, or "
            f"{NEW_ONE}"
        )
    what = f"the {section} {key}".strip()
    raise Refusal(f"{folder}: was begun with another {section} ({what} differs); {NEW_ONE}")
