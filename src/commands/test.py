"""`--mode test`: forecasts over a split, scores beside persistence, report and figures."""

from __future__ import annotations

from pathlib import Path

from src.cli import Request
from src.commands.request import read_settings, run_path
from src.config.schema import RunSettings
from src.data import open_split
from src.models import load_spec
from src.refusal import Refusal
from src.runtime import run_folder
from src.runtime.run_folder import CONFIG, RunFolder


def run(request: Request) -> None:
    """Score the networks of `ckpt_path`, or the best ones of the run in `--out`."""
    settings = read_settings(request)
    spec = load_spec(settings.model.name)
    sequences = open_split(settings.data, settings.evaluation.split, spec.window(settings.model))
    folder = _folder(request, settings)
