"""From the command line to settings, model and run folder: what every mode begins with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from src.cli import DEFAULT_CFG, Request
from src.config.loader import load
from src.config.schema import RunSettings
from src.models import load_spec
from src.models.base import ModelSpec
from src.refusal import Refusal
from src.runtime import parallel
from src.runtime.run_folder import CONFIG


def present(request: Request) -> parallel.World:
    """The processes that this one works with. Refusal if they might not agree on a folder."""
    world = parallel.present()
    if world.size > 1 and request.out is None:
        raise Refusal("--out: is needed where processes were started by another program; "
                      "or use --nodes and --devices")  # fmt: skip
    return world


def read_settings(request: Request) -> RunSettings:
    """The settings of `--cfg`; without one those of an existing run in `--out`, or the default."""
    cfg = request.cfg
    if cfg is None and request.out is not None and (request.out / CONFIG).is_file():
        cfg = request.out / CONFIG
    settings = load(cfg or DEFAULT_CFG, request.overrides)
    load_spec(settings.model.name).check_sampling(settings.model, settings.sampling)
    return settings


def chosen_stages(request: Request, spec: ModelSpec, settings: RunSettings) -> tuple[str, ...]:
    """The stages named by `--stage`, in training order; "all" leaves out those without settings."""
    if request.stage == "all":
        return tuple(stage for stage in spec.stages if stage in settings.training)
    if request.stage not in spec.stages:
        known = ", ".join([*spec.stages, "all"])
        raise Refusal(f"--stage {request.stage}: {spec.name} has no such stage; use one of {known}")
    if request.stage not in settings.training:
        raise Refusal(
            f"--stage {request.stage}: training.{request.stage} is missing; give the stage its "
            "settings"
        )
    return (request.stage,)


def run_path(request: Request, settings: RunSettings) -> Path:
    """`--out`, or a folder under runs/ named by time and model."""
    if request.out is not None:
        return request.out
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{stamp}-{load_spec(settings.model.name).name}"
