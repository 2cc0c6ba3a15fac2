"""The machine: what it is, and how fast it multiplies matrices and copies memory."""

from __future__ import annotations

import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.kernels.build import library
from tests.bench.flops.count import Count

PRODUCT_SIDE, PRODUCT_ROUNDS = 3072, 6
COPY_BYTES, COPY_ROUNDS = 1 << 28, 5  # far more than caches hold
GIGA = 1e9


@dataclass(frozen=True)
class Rates:
    """Of one side: FLOPs a second of a float32 product; bytes a second, read and written, of a
    copy by all cores."""

    product: float
    copy: float

    def shares(self, count: Count, seconds: float) -> dict[str, Any]:
        """How much of the two rates a call uses, and by which of them it is limited at last."""
        product = count.flops / seconds / self.product
        copy = count.moved / seconds / self.copy
        limit = "product" if product > copy else "copy"
        return {"product_share": product, "copy_share": copy, "limit": limit}


def described() -> dict[str, Any]:
    """Processor, cores that may be used, memory, system."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGA,
        "system": platform.platform(),
        "python": platform.python_version(),
        **kernels(),
    }


def kernels() -> dict[str, Any]:
    """The library of the CPU kernels (None: public operators serve), and the seconds that it took
    to build: it is there afterwards, and no first call of a network waits for it."""
    begun = time.perf_counter()
    built = library()
    seconds = time.perf_counter() - begun
    return {"kernels": str(built) if built else None, "kernels_seconds": seconds}


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """Its name, as the system has it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def copy_rate() -> float:
    """Bytes a second, those read and those written, of a copy by all cores, the best of some."""
    parts = cores()
    source = np.ones((parts, COPY_BYTES // parts // 8))
    target = np.zeros_like(source)
    best = 0.0
    with ThreadPoolExecutor(parts) as pool:
        for _ in range(COPY_ROUNDS):
            begun = time.perf_counter()
            list(pool.map(np.copyto, target, source))
            best = max(best, 2 * source.nbytes / (time.perf_counter() - begun))
    return best
