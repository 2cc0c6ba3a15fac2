"""Sleeping until a compiled graph has ended, for the CPU.

MindSpore's own thread asks for a result without a pause until it is there: on two cores it takes
up to a third of the time that the operators need.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from mindcast.kernels.build import library
from mindcast.kernels.operators import kernel

SLICE = 0.1  # seconds; Python answers Ctrl-C between two
PATIENCE = 5.0  # seconds and times the longest call; a graph that failed never announces its end


class Announcements:
    """The end of a graph as an operator that is its last, and the wait for it."""

    def __init__(self) -> None:
        self.operator = kernel("announce", lambda *tensors: (1,))
        # it comes after all that writes to weights before it, though it reads none of them
        self.operator.add_prim_attr("side_effect_mem", True)
        self.native = ctypes.CDLL(str(library()))
        self.native.announced.restype = ctypes.c_int64
        self.native.wait_beyond.argtypes = (ctypes.c_int64, ctypes.c_double)
        self.longest = 0.0

    def so_far(self) -> int:
        """How many graphs of this process have ended."""
        return int(self.native.announced())

    def wait_beyond(self, before: int) -> None:
        """Returns when there are more, or when something must have gone wrong."""
        begun = time.monotonic()
        while not self.native.wait_beyond(before, SLICE):
            if time.monotonic() - begun > PATIENCE * (1.0 + self.longest):
                return  # whoever reads the result waits, or meets the error
        self.longest = max(self.longest, time.monotonic() - begun)


def last_part(outputs: Any) -> Any:
    """A tensor, or a flat tuple of some, of what a function gives: of the gradients, all."""
    return outputs[-1] if isinstance(outputs, tuple) else outputs
