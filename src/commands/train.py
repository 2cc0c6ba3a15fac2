"""`--mode train`: the stages of a model in order, each on its frozen predecessors."""

from __future__ import annotations

from typing import Any

from src.cli import Request
from src.commands.request import chosen_stages, read_settings, run_path
from src.config.schema import RunSettings
from src.data import open_split
from src.data.base import Sequences
from src.models import load_spec
from src.models.base import ModelSpec
from src.refusal import Refusal
from src.runtime import run_folder
from src.runtime.run_folder import RunFolder


def run(request: Request) -> None:
    """Check everything that can be checked, then train; ends with where the checkpoints are."""
    settings = read_settings(request)
    spec = load_spec(settings.model.name)
    stages = chosen_stages(request, spec)
    splits = {stage: _splits(spec, settings, stage) for stage in stages}
    path = run_path(request, settings)
    reopen = request.resume
    if reopen and request.out is None:
        raise Refusal("--resume: needs --out, the folder of the run to continue")
    folder = run_folder.reopen(path, settings) if reopen else run_folder.create(path, settings)
    _start(request, settings, folder)
    for stage in stages:
        _train_stage(spec, settings, stage, folder, splits[stage])
    print(f"trained {', '.join(stages)}; checkpoints are in {folder.checkpoints}")


def _splits(spec: ModelSpec, settings: RunSettings, stage: str) -> tuple[Sequences, Sequences]:
    window = spec.stages[stage].window(settings.model)
    return tuple(open_split(settings.data, split, window) for split in ("train", "val"))  # type: ignore[return-value]


def _start(request: Request, settings: RunSettings, folder: RunFolder) -> None:
    from src.runtime import device, logging

    device.start(request.device_target, request.device_id, settings.runtime)
    logging.open_log(folder.path / "run.log")


def _train_stage(
    spec: ModelSpec,
    settings: RunSettings,
    name: str,
    folder: RunFolder,
    splits: tuple[Sequences, Sequences],
) -> None:
    import mindspore as ms

    from src.commands.networks import checkpoint_folder, load_frozen
    from src.training.trainer import Trainer

    stage = spec.stages[name]
    source = checkpoint_folder(settings, folder.path) if settings.ckpt_path else folder.checkpoints
    frozen = load_frozen(spec, settings, stage.requires, source)
    ms.set_seed(settings.runtime.seed + list(spec.stages).index(name))
    trainer = Trainer(
        spec=spec,
        settings=settings,
        stage_name=name,
        folder=folder,
        train=_batches(settings, name, splits[0], training=True, augmentation=stage.augmentation),
        validation=_batches(settings, name, splits[1], training=False, augmentation=0),
        frozen=frozen,
    )
    trainer.restore()
    trainer.run()


def _batches(
    settings: RunSettings, stage: str, sequences: Sequences, training: bool, augmentation: int
) -> Any:
    from src.data.pipeline import Batches

    options = settings.training[stage]
    return Batches(
        sequences,
        batch_size=options.micro_batch_size,
        seed=settings.runtime.seed,
        augmentation=augmentation if options.augment else 0,
        shuffle=training,
        drop_remainder=training,
        workers=settings.data.workers,
    )
