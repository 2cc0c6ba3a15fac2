"""`python -m tests.parity DIR [DIR ...]`: every golden `.npz` below each DIR against our cells.

Prints one line a file with its worst relative error, then the totals; exit code 1 on a failure.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from mindcast.runtime.native import environment

os.environ.update(environment())

from mindcast.runtime.leaving import leave
from tests.parity.golden import Comparison, GoldenFile, Handler
from tests.parity.handlers import handler_for


def files_below(folders: Sequence[str]) -> Iterator[Path]:
    """Every `.npz` below the folders (or the files themselves), in order."""
    for folder in folders:
        path = Path(folder)
        yield from sorted(path.rglob("*.npz")) if path.is_dir() else [path]


def check(path: Path, handler: Handler) -> tuple[bool, str]:
    """Whether a file passes, and its line of the report."""
    golden = GoldenFile.read(path)
    comparisons = list(handler(golden))
    if not comparisons:
        return False, "nothing was compared"
    worst = max(comparisons, key=_severity)
    failed = [c for c in comparisons if not c.passed()]
    line = f"worst {worst.error():.1e} of {worst.tolerance:.0e} in {worst.name}"
    if failed:
        line += f"; {len(failed)} of {len(comparisons)} differ: "
        line += ", ".join(f"{c.name} ({c.error():.1e})" for c in failed[:3])
    return not failed, f"{line} ({len(comparisons)} arrays)"


def _severity(comparison: Comparison) -> float:
    return comparison.error() / max(comparison.tolerance, 1e-12)


def main(folders: Sequence[str]) -> int:
    """Run all files; 0 if every one passed, 1 if one failed, 2 if there was nothing to run."""
    import mindspore as ms

    ms.runtime.launch_blocking()
    passed = failed = 0
    for path in files_below(folders):
        handler = handler_for(path)
        if handler is None:
            good, line = False, f"no handler for {path.parent.name}/{path.stem}"
        else:
            try:
                good, line = check(path, handler)
            except Exception as error:  # one broken file must not hide the others
                traceback.print_exc()
                good, line = False, f"{type(error).__name__}: {error}"
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} {path.parent.name}/{path.stem}: {line}", flush=True)
    print(f"{passed} passed, {failed} failed")
    if not passed + failed:
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
