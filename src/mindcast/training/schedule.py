"""The learning rate of every optimiser step: linear warm-up, then a decay (half cosine: PreDiff's).

mindearth's cosine schedule moves once an epoch, which the short epochs of small data sets make too
coarse; this one moves every step and is a plain function, so a resumed run needs no state for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

# share of the way down that is left, by progress 0..1 after the warm-up
DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
    "constant": lambda progress: 1.0,
}


def learning_rate(
    step: int,
    total: int,
    base: float,
    warmup_fraction: float = 0.1,
    warmup_start: float = 0.1,
    floor: float = 1e-3,
    decay: str = "cosine",
) -> float:
    """Learning rate of optimiser step `step` (0 first) of `total`.

    The first round(warmup_fraction total) steps rise linearly from warmup_start base to base; the
    others follow a half cosine or a straight line down to floor base, which is reached at step
    `total` and kept, or stay at base (`decay`, a key of DECAYS).
    """
    warmup = round(warmup_fraction * total)
    if step < warmup:
        return base * (warmup_start + (1 - warmup_start) * step / warmup)
    progress = min((step - warmup) / max(total - warmup, 1), 1.0)
    return base * (floor + (1 - floor) * DECAYS[decay](progress))
