"""`--mode train`: the stages of a model in order, each on its frozen predecessors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mindcast.commands.request import (
    Request,
    chosen_stages,
    computing_settings,
    last_settings,
    present,
    run_path,
    start,
)
from mindcast.config.schema import RunSettings
from mindcast.data import NO_AUGMENTATION, find_augmentation, open_split, with_own_pixels
from mindcast.data.base import Augmentation, Samples
from mindcast.models import load_spec
from mindcast.models.base import ModelSpec, Stage
from mindcast.runtime import run_folder
from mindcast.runtime.logging import open_log
from mindcast.runtime.parallel import World
from mindcast.runtime.run_folder import RunFolder, network_path
from mindcast.runtime.run_lock import locked
from mindcast.samples import Change
from mindcast.training.micro_batches import micro_batches
from mindcast.training.networks import checkpoint_files, load_frozen, require_fitting

if TYPE_CHECKING:
    from mindcast.data.pipeline import Batches


def run(request: Request) -> None:
    """Check everything that can be checked, then train; ends with where the checkpoints are."""
    world = present(request)
    settings = computing_settings(request)
    if not request.resume:
        settings = settings.model_copy(update={"data": with_own_pixels(settings.data)})
    spec = load_spec(settings.model.name)
    stages = chosen_stages(request, spec, settings)
    path = run_path(request, settings)
    splits = {stage: _splits(spec, settings, stage) for stage in stages}
    for stage in stages:
        micro_batches(stage, settings.training[stage], len(splits[stage][0]), world.size)
    required = {stage: _required_files(spec, settings, stage, path, stages) for stage in stages}
    with _folder(request, settings, path, world) as folder:
        start(request, settings, world)
        if world.is_leader:
            open_log(folder.path / "run.log")
        for stage in stages:
            _train_stage(spec, settings, stage, folder, splits[stage], required[stage], world)
        if world.is_leader:
            print(f"trained {', '.join(stages)}; checkpoints are in {folder.checkpoints}")


@contextmanager
def _folder(
    request: Request, settings: RunSettings, path: Path, world: World
) -> Iterator[RunFolder]:
    """The run folder, new or to be continued, for the leader to write into and nobody else."""
    if not world.is_leader:
        yield RunFolder(path)
        return
    if not request.resume:
        run_folder.require_free(path)
    run_folder.make(path)
    with locked(path, f"--out {path}", "wait for its end, or choose another --out"):
        if request.resume:
            yield run_folder.reopen(path, last_settings(path), settings)
        else:
            yield run_folder.create(path, settings)


def _splits(spec: ModelSpec, settings: RunSettings, stage: str) -> tuple[Samples, Samples]:
    window = spec.stages[stage].window(settings.model)
    train = open_split(settings.data, "train", window)
    return train, open_split(settings.data, "val", window)


def _train_stage(
    spec: ModelSpec,
    settings: RunSettings,
    name: str,
    folder: RunFolder,
    splits: tuple[Samples, Samples],
    required: Mapping[str, Path],
    world: World,
) -> None:
    import mindspore as ms

    from mindcast.training.trainer import Trainer

    stage = spec.stages[name]
    derive = stage.derive(settings.model)
    frozen = load_frozen(spec, settings, required)
    ms.set_seed(settings.runtime.seed + list(spec.stages).index(name))
    trainer = Trainer(
        spec=spec,
        settings=settings,
        stage_name=name,
        folder=folder,
        train=_batches(settings, name, splits[0], derive, _augmentation(settings, name, stage)),
        validation=_batches(settings, name, splits[1], derive, training=False),
        frozen=frozen,
        world=world,
    )
    trainer.restore()
    trainer.run()


def _required_files(
    spec: ModelSpec, settings: RunSettings, name: str, run: Path, stages: tuple[str, ...]
) -> dict[str, Path]:
    """The checkpoints that a stage builds on; those of this run's `stages` are still to come."""
    required = spec.stages[name].requires
    earlier = [stage for stage in required if stage not in stages]
    own = {s: network_path(run / "checkpoints", s, "best") for s in required if s in stages}
    files = checkpoint_files(spec, settings, earlier, run)
    require_fitting(spec, settings, files)
    return {**files, **own}


def _augmentation(settings: RunSettings, name: str, stage: Stage) -> Augmentation | None:
    wanted = stage.augmentation if settings.training[name].augment else NO_AUGMENTATION
    return find_augmentation(wanted, stage.window(settings.model).frame)


def _batches(
    settings: RunSettings,
    stage: str,
    samples: Samples,
    derive: Change | None,
    augmentation: Augmentation | None = None,
    training: bool = True,
) -> Batches:
    from mindcast.data.pipeline import Batches

    options = settings.training[stage]
    return Batches(
        samples,
        batch_size=options.micro_batch_size,
        seed=settings.runtime.seed,
        augmentation=augmentation,
        derive=derive,
        shuffle=training,
        # a smaller last batch would mean one more compilation, also in validation
        drop_remainder=training or len(samples) >= options.micro_batch_size,
        workers=settings.data.workers,
    )
