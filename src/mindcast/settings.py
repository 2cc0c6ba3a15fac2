"""The settings of a run: the loader, handed the types that models and data sets give it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindcast.config.loader import RunTypes, Tree, changed, load
from mindcast.config.reference import Part, reference
from mindcast.config.schema import RunSettings
from mindcast.config.verification import VerificationSettings
from mindcast.data import DATASETS, find_dataset
from mindcast.diffusion.samplers import require_sampler
from mindcast.models import MODELS, load_spec
from mindcast.refusal import Refusal


def load_settings(path: str | Path, overrides: Sequence[str] = ()) -> RunSettings:
    """The settings in a YAML file with `key.path=value` overrides, see `config.loader.load`.

    Refusal also for a model, data set or sampler that does not exist or does not fit the others.
    """
    return _checked(load(path, types_of, overrides))


def settings_of_tree(tree: Tree, origin: str, overrides: Sequence[str] = ()) -> RunSettings:
    """The same of settings that a checkpoint holds; `origin` names it in a refusal."""
    return _checked(changed(tree, types_of, overrides, origin))


def _checked(settings: RunSettings) -> RunSettings:
    require_sampler(settings.sampling.sampler)
    load_spec(settings.model.name).check_sampling(settings.model, settings.sampling)
    return settings


def types_of(model: str, data: str) -> RunTypes:
    """The types of the sections "model" and "data", by the names that these bear."""
    spec, dataset = load_spec(model), find_dataset(data)
    if spec.task != dataset.task:
        raise Refusal(
            f"data.name = {data!r} is for the task {dataset.task!r}, the model {model!r} is for "
            f"{spec.task!r}; choose another data set"
        )
    stages = {name: stage.optional for name, stage in spec.stages.items()}
    return RunTypes(spec.settings_type, dataset.settings_type, stages)


def parts() -> tuple[Part, ...]:
    """All settings types: the run's, each model's, each data set's."""
    models = [
        Part(
            f"Model {name}",
            "model",
            load_spec(name).settings_type,
            f" Stages of its training: {', '.join(load_spec(name).stages)}.",
        )
        for name in MODELS
    ]
    datasets = [
        Part(f"Data set {name}", "data", dataset.settings_type)
        for name, dataset in DATASETS.items()
    ]
    verification = Part(
        "A verification", "", VerificationSettings, " Of `--mode verify` alone, which has no run."
    )
    return (Part("The run", "", RunSettings), *models, *datasets, verification)


if __name__ == "__main__":
    print(reference(parts()), end="")
