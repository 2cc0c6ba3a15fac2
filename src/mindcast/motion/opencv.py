"""The door of OpenCV, which is imported late and kept to one thread.

Dense flow cuts the frame into as many bands as there are threads, and its numbers differ between
bands: with one thread they are the same on every machine, and no pool of threads is there that a
process born later would miss. Data are read ahead by processes, which share out the cores already.
"""

from __future__ import annotations

from types import ModuleType


def opencv() -> ModuleType:
    """The module cv2; the whole process uses one thread in it from then on."""
    import cv2

    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    return cv2
