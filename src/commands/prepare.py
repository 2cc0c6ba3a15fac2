"""`--mode prepare`: make a data set's files, such as SEVIR-LR (128 px, 10 min) from SEVIR."""

from __future__ import annotations

from src.cli import Request
from src.commands.request import read_settings
from src.data import prepare


def run(request: Request) -> None:
    """Make the data set that `data` describes; what is there already is kept."""
    prepare(read_settings(request).data)
