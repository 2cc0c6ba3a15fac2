"""Files appear complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure

from src.refusal import Refusal

DPI = 110


@contextmanager
def complete_or_absent(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` if the block succeeds, else goes away.

    Refusal where the folder cannot be made or written to.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or error
        raise Refusal(f"{path}: cannot be written ({reason}); choose another folder") from None
    finally:
        if part.exists():
            part.unlink()


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure at the resolution of the house."""
    with complete_or_absent(path) as part:
        figure.savefig(part, format="png", dpi=DPI, facecolor="white")
