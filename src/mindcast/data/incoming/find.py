"""Which files the inputs of a command line stand for: files, folders, patterns of names."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from mindcast.refusal import Refusal


def find_files(
    inputs: Sequence[str], option: str = "--input"
) -> tuple[list[Path], frozenset[Path]]:
    """All files in order of their names, and those among them that lie in a folder that was given.

    The latter may be of no use, as a README; hidden files are left out. Refusal for an input that
    is not there, and where there is no file at all; it names `option`, where they were given.
    """
    named: dict[Path, None] = {}
    within: dict[Path, None] = {}
    for text in inputs:
        if not text.strip() or "\0" in text:
            raise Refusal(f"{option} {text!r}: is empty; give a file, a folder or a pattern")
        for path in _matches(text, option):
            if path.is_dir():
                within.update(dict.fromkeys(_inside(path, option)))
            else:
                named[path] = None
    found = sorted({**named, **within})
    if not found:
        raise Refusal(f"{option} {' '.join(inputs)}: holds no file; give radar files")
    return found, frozenset(within.keys() - named.keys())


def _matches(text: str, option: str) -> list[Path]:
    path = Path(os.path.expanduser(text))
    if path.exists():
        return [path]
    matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
    if not matches:
        is_pattern = any(sign in text for sign in "*?[")
        raise Refusal(
            f"{option} {text}: {'no file has such a name' if is_pattern else 'no such file'}; "
            "give a file, a folder or a pattern"
        )
    return matches


def _inside(folder: Path, option: str) -> list[Path]:
    try:
        return [
            path
            for path in folder.rglob("*")
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        ]
    except OSError as error:
        raise Refusal(f"{option} {folder}: cannot be read ({error.strerror}); mend that") from None
