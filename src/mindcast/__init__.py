"""MindCast: three published weather diffusion models behind one command line, and in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mindcast.api import load_forecaster

__version__ = "0.1.0"
__all__ = ["load_forecaster"]


def __getattr__(name: str) -> Any:
    """What is imported only when it is asked for: it takes a second."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mindcast import api

    return getattr(api, name)
