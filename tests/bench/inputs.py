"""The arrays that a case is run on. NumPy only: both sides make the same ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Spec = dict[str, Any]  # {"shape": [...]}: standard normal; with "below": whole numbers from 0


def normal(*shape: int) -> Spec:
    """Standard normal float32."""
    return {"shape": list(shape)}


def whole(count: int, below: int) -> Spec:
    """`count` whole numbers (int32) from 0 up to `below`, that excluded."""
    return {"shape": [count], "below": below}


def arrays(specs: Sequence[Spec], seed: int = 0) -> list[np.ndarray]:
    """One array a specification; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [_array(spec, rng) for spec in specs]


def _array(spec: Spec, rng: np.random.Generator) -> np.ndarray:
    if "below" in spec:
        return rng.integers(0, spec["below"], spec["shape"], dtype=np.int32)
    return rng.standard_normal(spec["shape"], dtype=np.float32)


def product_rate(
    product: Callable[[Any, Any], object],
    given: Callable[[np.ndarray], Any],
    side: int,
    rounds: int,
) -> float:
    """FLOPs a second of `product` on float32 matrices (side, side), the best of some rounds.

    given: makes of an array what the product takes.
    """
    a, b = (given(array) for array in arrays([normal(side, side)] * 2))
    best = 0.0
    for _ in range(rounds):
        begun = time.perf_counter()
        product(a, b)
        best = max(best, 2.0 * side**3 / (time.perf_counter() - begun))
    return best
