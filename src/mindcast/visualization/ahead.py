"""What draws is loaded beside other work: while networks compile, one core of two is idle."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread


def load_ahead(module: str) -> None:
    """Import a module in the background; where that fails, so it will when it is needed."""

    def load() -> None:
        with suppress(Exception):
            import_module(module)

    Thread(target=load, name=f"load {module}", daemon=True).start()
