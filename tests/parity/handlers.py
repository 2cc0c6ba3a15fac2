"""Which handler serves a golden file: by its folder's name, then by the longest known prefix."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.parity.golden import Handler

# folder name -> modules with HANDLERS (file-name prefix -> handler)
SYSTEMS = {
    "prediff": (
        "tests.parity.prediff_cuboid",
        "tests.parity.prediff_vae",
        "tests.parity.prediff_diffusion",
        "tests.parity.prediff_training",
        "tests.parity.prediff_data",
        "tests.parity.prediff_metrics",
    ),
    "diffcast": (
        "tests.parity.diffcast_networks",
        "tests.parity.diffcast_diffusion",
        "tests.parity.diffcast_joint",
        "tests.parity.diffcast_backbones",
        "tests.parity.diffcast_data",
        "tests.parity.diffcast_metrics",
    ),
    "geodiff": (
        "tests.parity.geodiff_network",
        "tests.parity.geodiff_diffusion",
        "tests.parity.geodiff_physics",
        "tests.parity.geodiff_metrics",
    ),
}


def handler_for(path: Path) -> Handler | None:
    """The handler of a golden file, or None where nothing is known of its kind."""
    system = _system(path)
    if system is None:
        return None
    handlers: dict[str, Handler] = {}
    for module in SYSTEMS[system]:
        handlers |= import_module(module).HANDLERS
    known = [prefix for prefix in handlers if path.stem.startswith(prefix)]
    return handlers[max(known, key=len)] if known else None


def _system(path: Path) -> str | None:
    """The system that the nearest folder is named after: prediff, prediff_other_sizes, ..."""
    for folder in path.resolve().parents:
        for system in SYSTEMS:
            if folder.name.startswith(system):
                return system
    return None
