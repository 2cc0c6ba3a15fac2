"""How much a model can take at once in the memory that there is: members at a time, and tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.models.base import ModelSpec
from mindcast.runtime import memory
from mindcast.runtime.parallel import ALONE, World

MOST = 64  # rows of one batch: more only fill memory
UNKNOWN = "how much memory is free is not known: one member at a time (or set sampling.batch_size)"


@dataclass(frozen=True)
class Fitted:
    """What fits.

    settings: with the tile that a domain takes, if it takes one. rows: that the networks take at
    once. notes: a line for each thing that the user is to know.
    """

    settings: RunSettings
    rows: int
    notes: tuple[str, ...] = ()


def fitted(
    spec: ModelSpec,
    settings: RunSettings,
    domain: tuple[int, int],
    device: str,
    world: World = ALONE,
) -> Fitted:
    """What fits into the memory that the device has left now, in the leader's eyes.

    All processes must call it. Those on CPU share what there is; each has a card of its own.
    """
    left = memory.available(device) if world.is_leader else 0
    agreed = float(world.sum(np.array([-1 if left is None else left], np.float32))[0])
    processes = world.size if device == "CPU" else 1
    free = None if agreed < 0 else int(agreed) // processes
    return fitted_to(spec, settings, domain, device, free)


def fitted_to(
    spec: ModelSpec,
    settings: RunSettings,
    domain: tuple[int, int],
    device: str,
    free: int | None,
) -> Fitted:
    """The settings and rows for forecasts of a domain (H, W), of `free` bytes.

    None: nothing tells how many; then one row is taken at a time, and no tile is chosen. What the
    settings say themselves, a tile or a number of rows, counts.
    """
    chosen = settings.sampling.batch_size
    if free is None:
        return Fitted(settings, 1, (UNKNOWN,)) if chosen == "auto" else Fitted(settings, chosen)
    share = settings.sampling.memory_share
    limit = int(share * free)
    where = f"{_size(limit)}, {share:.0%} of what is free (sampling.memory_share)"
    model, how = spec.in_tiles(settings.model, domain, limit, device)
    settings = settings.model_copy(update={"model": model})
    notes = []
    if how:
        height, width = domain
        notes.append(f"{height} x {width} points do not fit into {where}: {how}")
    if chosen != "auto":
        return Fitted(settings, chosen, tuple(notes))
    row = spec.row_bytes(model, domain, device)
    if row > limit:
        notes.append(f"one member needs about {_size(row)}, more than {where}: one at a time")
    return Fitted(settings, max(1, min(MOST, limit // max(row, 1))), tuple(notes))


def _size(count: int) -> str:
    large = count >= memory.GIB
    return f"{count / memory.GIB:.1f} GiB" if large else f"{count >> 20} MiB"
