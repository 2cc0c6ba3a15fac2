"""The door of OpenCV, which is imported late and kept to one thread.

Data are read ahead by processes, which share out the cores already, and a process that is forked
would miss the pool of threads of the one that bore it. The numbers are the same with any number of
threads (OpenCV 4.11, compared); with one they need not be trusted to stay so.
"""

from __future__ import annotations

from types import ModuleType


def opencv() -> ModuleType:
    """The module cv2; the whole process uses one thread in it from then on."""
    import cv2

    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    return cv2
