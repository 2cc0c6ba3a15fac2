"""The log of a run: lines for people on the terminal and in run.log."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from mindcast.refusal import Refusal


def open_log(path: Path) -> logging.Logger:
    """The run's logger, made by `mindearth.utils.create_logger`; one a process and file.

    Refusal where the file cannot be written. A line that later finds the disk full is dropped: what
    counts is in log.jsonl.
    """
    from mindearth.utils import create_logger

    root = logging.getLogger()
    for handler in list(root.handlers):  # create_logger adds its handlers at every call
        root.removeHandler(handler)
        with suppress(OSError):  # what the disk had no room for
            handler.close()
    logging.raiseExceptions = False  # else each such line is followed by a traceback
    try:
        logger = create_logger(str(path))
    except OSError as error:
        raise Refusal(
            f"{path}: cannot be written ({error.strerror}); free some space or make it writable"
        ) from None
    for name in ("matplotlib", "PIL", "h5py"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return logger
