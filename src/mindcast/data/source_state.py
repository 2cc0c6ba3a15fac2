"""Whether a source is still what something was made from: its files' names, sizes and content.

Small files are compared whole. Of large ones, as SEVIR's of many GB, blocks spread over them are,
so for these the time of the last change counts too: copying changes it, so it is no proof.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from mindcast.refusal import Refusal

SOURCE = "source_state"  # attribute of what was made
BLOCK, BLOCKS = 1 << 20, 8  # of a large file; a file of up to so many bytes is read whole


def state_of(paths: Iterable[Path], root: Path, facts: str = "") -> str:
    """What must be equal for these files below `root` to be the same, as JSON of two digests.

    facts: what else it was made from, as text. "" where a file is gone: nothing to compare with.
    Refusal for a file that cannot be read.
    """
    content, times = hashlib.sha256(facts.encode()), hashlib.sha256()
    is_sampled = False
    for path in sorted(paths):
        try:
            status = path.stat()
            name = path.relative_to(root).as_posix()
            content.update(f"{name}\0{status.st_size}\0".encode("utf-8", "surrogateescape"))
            content.update(_digest(path, status.st_size))
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Refusal(f"{path}: cannot be read ({error.strerror}); mend that") from None
        if status.st_size > BLOCK * BLOCKS:
            is_sampled = True
            times.update(f"{name}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    state = {"content": content.hexdigest(), "times": times.hexdigest() if is_sampled else ""}
    return json.dumps(state, sort_keys=True)


def check_state(made: Path, found: str | None, source: Path, wanted: str) -> None:
    """Refusal if `made` was made from another state of `source` than it is in now.

    One line on stderr where that cannot be known: it is kept as it is.
    """
    try:
        before, now = json.loads(found or ""), json.loads(wanted)
        same, sure = before["content"] == now["content"], before["times"] == now["times"]
    except (ValueError, KeyError, TypeError):
        _mention(
            f"{made}: kept as it is; it cannot be compared with {source}, so what has "
            "changed there since is not in it",
        )
        return
    if not same:
        raise Refusal(
            f"{made}: was made from {source} before that changed (something was added, is gone, or "
            "was written anew); move it away to make it anew, or choose another folder for the new "
            "one (data.root_dir)"
        )
    if not sure:
        _mention(
            f"{made}: kept as it is; files of {source} are as large as when it was made "
            "but were written since; if they were changed, move it away to make it anew",
        )


def _mention(line: str) -> None:
    tqdm.write(f"mindcast: {line}", file=sys.stderr)  # a bar may be shown


def _digest(path: Path, size: int) -> bytes:
    """Of a file, or of evenly spread blocks of a large one, the first and the last among them."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if size <= BLOCK * BLOCKS:
            digest.update(file.read())
        else:
            for k in range(BLOCKS):
                file.seek((size - BLOCK) * k // (BLOCKS - 1))
                digest.update(file.read(BLOCK))
    return digest.digest()
