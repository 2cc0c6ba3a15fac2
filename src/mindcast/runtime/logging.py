"""The log of a run: lines for people on the terminal and in run.log."""

from __future__ import annotations

import logging
from pathlib import Path


def open_log(path: Path) -> logging.Logger:
    """The run's logger, made by `mindearth.utils.create_logger`; one a process and file."""
    from mindearth.utils import create_logger

    root = logging.getLogger()
    for handler in list(root.handlers):  # create_logger adds its handlers at every call
        root.removeHandler(handler)
        handler.close()
    logger = create_logger(str(path))
    for name in ("matplotlib", "PIL", "h5py"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return logger
