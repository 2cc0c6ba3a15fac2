"""The door of pysteps, which is imported late (it takes more than a second) and kept quiet.

On import and at work it prints to the screen; what it has to tell a user is an error.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from types import ModuleType

from mindcast.refusal import Refusal, one_line


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that pysteps prints or warns of inside the block is shown."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pysteps(module: str) -> ModuleType:
    """A module of pysteps, such as "motion.lucaskanade".

    Refusal where it cannot be loaded: it reads a `pystepsrc` of the user, which may be damaged.
    """
    try:
        with quiet():
            return import_module(f"pysteps.{module}")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise Refusal(
            f"pysteps: cannot be loaded ({one_line(error)}); put its pystepsrc right, or install "
            "it anew"
        ) from None
