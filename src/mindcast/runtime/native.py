"""What native libraries read from the environment when they are loaded, and never again."""

from __future__ import annotations

import os

DEFAULTS = {
    "GLOG_v": "3",  # of MindSpore's log: errors only
    # MindSpore's operators run in turns on threads with a team of helpers each, and a team that
    # spins between its turns takes the cores from the other
    "OMP_WAIT_POLICY": "PASSIVE",
    # tries before a helper sleeps, a fraction of a millisecond: one that is asleep wakes slowly
    "GOMP_SPINCOUNT": "5000",
}


def environment() -> dict[str, str]:
    """Variables to be set before MindSpore is imported; what the user has set stays."""
    return {name: os.environ.get(name, value) for name, value in DEFAULTS.items()}
