"""`--mode prepare`: make a data set's files, such as SEVIR-LR (128 px, 10 min) from SEVIR."""

from __future__ import annotations

from mindcast.commands.request import Request, read_settings
from mindcast.data import prepare


def run(request: Request) -> None:
    """Make the data set that `data` describes; what is there already is kept."""
    prepare(read_settings(request).data)
