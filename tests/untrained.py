"""Run folders of small models that nobody trained: what their checkpoints hold is drawn."""

from __future__ import annotations

from pathlib import Path

from mindcast.config.schema import RunSettings
from mindcast.models import load_spec
from mindcast.runtime import run_folder
from mindcast.runtime.run_folder import network_path
from mindcast.settings import load_settings

# frames of 16 x 16 pixels of 4 x 4, motion and the diffusion of what it lacks
NOWCAST = (
    "model.frame_size=[16,16]",
    "model.backbone=advection",
    "model.advection={dim: 8, motion: {inflow: edge, learned_share: 0.5}}",
    "model.patch=2",
    "model.denoiser.sees_forecast=true",
    "model.context_net.use=false",
    "data.frame_size=[16,16]",
)
DOWNSCALE = ("model.priors.source=available",)


def untrained_run(folder: Path, model: str, changes: tuple[str, ...] = ()) -> Path:
    """A run of the smoke settings of a model, as if each stage had done one step."""
    return untrained_run_of(folder, load_settings(f"configs/smoke/{model}.yaml", changes))


def untrained_run_of(folder: Path, settings: RunSettings) -> Path:
    """A run of these settings, as if each stage had done one step."""
    import mindspore as ms

    from mindcast.training import checkpoint

    spec = load_spec(settings.model.name)
    run = run_folder.create(folder, settings)
    ms.set_seed(0)
    for name, stage in spec.stages.items():
        network = stage.build_network(settings.model)
        about = {
            "model": spec.name,
            "stage": name,
            "settings": settings.model_dump(mode="json"),
            "total_steps": 1,
            "position": {"step": 1},
        }
        path = network_path(run.checkpoints, name, "best")
        checkpoint.save(path, network.get_parameters(), about)
    return folder
