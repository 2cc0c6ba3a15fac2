"""What a run was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from mindcast import __version__

PACKAGES = ("mindspore", "numpy", "scipy", "pysteps", "opencv-python-headless", "xarray")


def versions() -> dict[str, str]:
    """MindCast, Python, the system, and the packages that make numbers, by name; none is loaded."""
    found = {"mindcast": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return {**found, "system": platform.platform()}
