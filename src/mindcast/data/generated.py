"""Folders of generated data: made once, whole or not at all, and known by their recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mindcast.files import complete_folder_or_absent
from mindcast.refusal import Refusal, one_line

MANIFEST = "synthetic.json"


def make_once(root: Path, recipe: dict[str, object], write: Callable[[Path], None]) -> None:
    """Make `root` the archive of `recipe` unless it is; `write` fills a folder it is given.

    The folder appears under its name when complete. Refusal if `root` holds anything else, also an
    archive of another recipe.
    """
    if not (root / MANIFEST).is_file():
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise Refusal(
                f"{root}: holds something else than a synthetic archive; choose another "
                "folder (data.root_dir)"
            )
        with complete_folder_or_absent(root) as part:
            write(part)
            (part / MANIFEST).write_text(json.dumps(recipe), encoding="utf-8")
    found = _recipe_of(root)
    if found != json.loads(json.dumps(recipe)):
        raise Refusal(
            f"{root}: holds a synthetic archive of {_words(found)}, expected "
            f"{_words(recipe)}; choose another folder, or delete it"
        )


def _recipe_of(root: Path) -> dict[str, object]:
    try:
        found = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(
            f"{root / MANIFEST}: cannot be read ({one_line(error)}); choose another folder "
            "(data.root_dir), or delete this one"
        ) from None
    return found if isinstance(found, dict) else {"recipe": found}


def _words(recipe: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in recipe.items())
