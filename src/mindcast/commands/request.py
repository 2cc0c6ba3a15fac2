"""From the command line to settings, model and run folder: what every mode begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mindcast.config.schema import RunSettings
from mindcast.models import load_spec
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime import parallel
from mindcast.runtime.launch import Cluster
from mindcast.runtime.run_folder import CONFIG
from mindcast.settings import load_settings

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


def read_settings(request: Request) -> RunSettings:
    """The settings of `--cfg`; without one those of an existing run in `--out`, or the default."""
    cfg = request.cfg
    if cfg is None and request.out is not None and (request.out / CONFIG).is_file():
        cfg = request.out / CONFIG
    return load_settings(cfg or default_cfg(), request.overrides)


def default_cfg() -> Path:
    """`DEFAULT_CFG` where it is there, else the file of that name that comes with the package."""
    here = Path(DEFAULT_CFG)
    return here if here.is_file() else shipped_configs() / here.name


def shipped_configs() -> Path:
    """The folder of configurations: within an installed package, or that of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def begun_with(path: Path) -> RunSettings:
    """The settings that the run in `path` began with; Refusal if there is none."""
    if not (path / CONFIG).is_file():
        raise Refusal(f"--out {path}: holds no run ({CONFIG} not found); leave out --resume")
    return load_settings(path / CONFIG)


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
