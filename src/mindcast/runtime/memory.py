"""How much memory there still is: of the machine, of the container around it, of a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

GIB = 1 << 30  # bytes
MEMINFO, CGROUPS, OWN_CGROUP = "proc/meminfo", "sys/fs/cgroup", "proc/self/cgroup"


def available(device: str = "CPU", root: Path = Path("/")) -> int | None:
    """Bytes that a process may still take on a device; None where nothing tells.

    CPU: what the machine has left or, if it is less, what the limits of the control groups leave,
    version 1 or 2, of this process and of all around it. What can be given back at once, such as
    files kept in memory, counts as left. root: where "proc" and "sys" lie.
    """
    if device != "CPU":
        return _of_card(device)
    left = [*_of_machine(root), *_of_groups(root)]
    return max(0, min(left)) if left else None


def _of_machine(root: Path) -> Iterator[int]:
    kibibytes = _pairs(root / MEMINFO).get("MemAvailable:")
    if kibibytes is not None:
        yield 1024 * kibibytes


def _of_groups(root: Path) -> Iterator[int]:
    """What each limited control group leaves, of this process and of those above it."""
    for line in _text(root / OWN_CGROUP).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            files = ("memory.max", "memory.current", "inactive_file")
            base = root / CGROUPS
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            base = root / CGROUPS / "memory"
        else:
            continue
        for folder in _upwards(base, path):
            limit, used = (_number(folder / name) for name in files[:2])
            if limit is not None and used is not None:
                yield limit - used + _pairs(folder / "memory.stat").get(files[2], 0)


def _upwards(base: Path, path: str) -> Iterator[Path]:
    """The folder of a group, those around it, and `base`.

    Within a container a path may be that on the host, and the container's own group be `base`.
    """
    folder = base / path.lstrip("/")
    while folder != base and base in folder.parents:
        yield folder
        folder = folder.parent
    yield base


def _of_card(device: str) -> int | None:
    """By MindSpore's properties of the device in use; what its pool holds unused counts as left."""
    import mindspore as ms

    try:
        found = ms.hal.get_device_properties(0, device)
        free = int(getattr(found, "free_memory", 0))
        if free:
            return free + int(ms.runtime.memory_reserved() - ms.runtime.memory_allocated())
        return int(found.total_memory - ms.runtime.memory_allocated()) or None
    except (AttributeError, RuntimeError, ValueError):
        return None


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none, as where a limit is "max"."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _pairs(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    words = [line.split() for line in _text(path).splitlines()]
    return {w[0]: int(w[1]) for w in words if len(w) > 1 and w[1].isdecimal()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
