"""From the command line to settings, model and run folder: what every mode begins with."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mindcast.commands.report import begun_settings
from mindcast.config.schema import RunSettings
from mindcast.models import load_spec
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime import parallel
from mindcast.runtime.launch import Cluster
from mindcast.runtime.run_folder import newest_config
from mindcast.settings import load_settings
from mindcast.trained import settings_in_checkpoint

DEFAULT_CFG = "./configs/diffusion_cfg.yaml"


@dataclass(frozen=True)
class Request:
    """The command line, parsed; `cfg` is None where the user gave none."""

    cfg: Path | None
    mode: str
    stage: str
    device_target: str
    device_id: int
    cluster: Cluster
    out: Path | None
    resume: bool
    overrides: tuple[str, ...]
    report: bool = False
    inputs: tuple[str, ...] = ()
    forecasts: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    to: Path | None = None
    at: str | None = None
    source: Path | None = None
    weights: str | None = None


def present(request: Request) -> parallel.World:
    """The processes that this one works with. Refusal if they might not agree on a folder."""
    world = parallel.present()
    if world.size > 1 and request.out is None:
        raise Refusal(
            "--out: is needed where processes were started by another program; "
            "or use --nodes and --devices"
        )
    return world


def start(request: Request, settings: RunSettings, world: parallel.World) -> str:
    """Set up MindSpore, meet the other processes and give the name of the device in use."""
    from mindcast.runtime import device

    used = device.start(request.device_target, request.device_id, settings.runtime)
    world.join()
    return used


def computing_settings(request: Request) -> RunSettings:
    """`read_settings` of a mode that runs networks. Refusal where the device cannot, as far as that
    is known without MindSpore."""
    from mindcast.runtime import device

    settings = read_settings(request)
    device.require_precision(request.device_target, settings.runtime.precision)
    return settings


def read_settings(request: Request) -> RunSettings:
    """The settings of `--cfg`; without one the newest of a run in `--out`, or else the default.

    A test that is continued begins with its own, a prediction from a checkpoint alone with those
    that it holds.

    Refusal where `--out` should hold a run, to be continued or tested, and does not: before
    anything else, lest settings or data that nobody meant are complained about.
    """
    own = newest_config(request.out) if request.out is not None else None
    if own is not None and request.mode == "test" and request.resume:
        own = begun_settings(own.parent) or own
    needs_run = own is None and request.out is not None and _works_on_a_run(request)
    may_name_one = request.cfg is not None or _names_checkpoint(request.overrides)
    if needs_run and (request.resume or not may_name_one):
        raise _no_run(request)
    if request.mode == "predict" and request.cfg is None and own is None:
        return _of_checkpoint(request)
    settings = load_settings(request.cfg or own or default_cfg(), request.overrides)
    if needs_run and not settings.ckpt_path:
        raise _no_run(request)
    return settings


def began_with(request: Request) -> bool:
    """Whether `ckpt_path` is that of the run's own settings, and not named for this command."""
    return request.cfg is None and not _names_checkpoint(request.overrides)


def _of_checkpoint(request: Request) -> RunSettings:
    """The settings in the checkpoint that is named; Refusal where none is."""
    named = [text.partition("=") for text in request.overrides]
    places = [value.strip() for key, _, value in named if key.strip() == "ckpt_path"]
    if not places or not places[-1]:
        raise Refusal(
            f"--mode {request.mode}: name a run with --out, or a checkpoint with "
            "--set ckpt_path=FILE"
        )
    return settings_in_checkpoint(Path(os.path.expanduser(places[-1])), request.overrides)


def default_cfg() -> Path:
    """`DEFAULT_CFG` where it is there, else the file of that name that comes with the package."""
    here = Path(DEFAULT_CFG)
    return here if here.is_file() else shipped_configs() / here.name


def shipped_configs() -> Path:
    """The folder of configurations: within an installed package, or that of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def _works_on_a_run(request: Request) -> bool:
    return request.mode in ("test", "predict") or (request.mode == "train" and request.resume)


def _names_checkpoint(overrides: tuple[str, ...]) -> bool:
    given = [text for text in overrides if text.partition("=")[0].strip() == "ckpt_path"]
    return bool(given) and bool(given[-1].partition("=")[2].strip())


def _no_run(request: Request) -> Refusal:
    path = Path(str(request.out))
    if path.is_file():
        what = "is a file, expected the folder of a run"
    else:
        what = "holds no run" if path.is_dir() else "no such run"
    near = _run_nearby(path)
    if near is not None:
        return Refusal(f"--out {path}: {what}, did you mean {near}?")
    remedy = "leave out --resume to begin one"
    if request.mode in ("test", "predict"):
        remedy = "name a run with --out, or a checkpoint with --set ckpt_path=FILE"
    return Refusal(f"--out {path}: {what}; {remedy}")


def _run_nearby(path: Path) -> Path | None:
    """The run that was meant: one of a similar name, the only one inside, or the one around."""
    try:
        beside = [p for p in path.absolute().parent.iterdir() if p != path and newest_config(p)]
        inside = [p for p in path.iterdir() if newest_config(p)] if path.is_dir() else []
    except OSError:
        return None
    names = difflib.get_close_matches(path.name, [p.name for p in beside], n=1)
    if names:
        return path.with_name(names[0])
    if newest_config(path.absolute().parent):
        return path.parent
    return inside[0] if len(inside) == 1 else None


def last_settings(path: Path) -> RunSettings:
    """The newest settings of the run in `path`; Refusal if there is none."""
    config = newest_config(path)
    if config is None:
        raise Refusal(f"--out {path}: holds no run; leave out --resume to begin one")
    return load_settings(config)


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
