"""A model of one matrix that learns frame 1 from frame 0: every rule of the trainer, no waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from mindcast.config.frozen import Frozen
from mindcast.config.schema import RunSettings, Runtime, StageTraining
from mindcast.data.radar.archive.settings import SyntheticSettings
from mindcast.models.base import ModelSpec, Objective, Preview, Stage, Window
from mindcast.runtime.run_folder import RunFolder
from mindcast.samples import Named, NowcastInput, NowcastSample, Sample

SIZE = 8
CRITIC_STARTS = 2


class DummySettings(Frozen):
    name: Literal["dummy"] = "dummy"
    noise: float = 0.1


class Arrays:
    """A frame as context; the truth is the same frame, turned upside down."""

    input_type = NowcastInput
    frame_shape = (SIZE, SIZE)
    shapes: ClassVar = {"context": (1, SIZE, SIZE, 1), "truth": (1, SIZE, SIZE, 1)}
    interval_minutes, value_scale, value_offset = 10, 255.0, 0.0
    thresholds = (74.0,)
    source = "two frames of noise"

    def __init__(self, count: int, first_key: int = 0) -> None:
        self.keys = np.arange(first_key, first_key + count, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> NowcastSample:
        frame = np.random.default_rng(self.keys[i]).random((1, SIZE, SIZE, 1), np.float32)
        return Sample(NowcastInput(frame), frame[:, ::-1])

    def times(self, i: int) -> np.ndarray:
        return np.datetime64("2019-01-01T00:00") + np.arange(2) * np.timedelta64(10, "m")

    def label(self, i: int) -> str:
        return f"A{self.keys[i]}"


def window(settings: DummySettings) -> Window:
    return Window(length=2, stride=2, frame=(SIZE, SIZE), context=1)


def draw(settings: DummySettings, rng: np.random.Generator, count: int) -> Named:
    noise = rng.standard_normal((count, SIZE, SIZE), np.float32)
    return {"noise": np.float32(settings.noise) * noise}


def build_matrix(settings: DummySettings) -> Any:
    from tests.training.dummy_cells import Matrix

    return Matrix()


def build_fine_matrix(settings: DummySettings) -> Any:
    from tests.training.dummy_cells import Matrix

    return Matrix("fine_")  # MindSpore renames what shares a name within one loss


def fit(settings: DummySettings, network: Any, frozen: Any) -> tuple[Objective, ...]:
    """The matrix, and from the third step on a critic of its own."""
    from tests.training.dummy_cells import CriticError, Error

    critic = CriticError(network)
    return (
        Objective(
            "matrix",
            network.trainable_params(),
            ((0, Error(network)),),
            mean_squares=Error.mean_squares,
        ),
        Objective("critic", [critic.scale], ((CRITIC_STARTS, critic),)),
    )


def refine(settings: DummySettings, network: Any, frozen: Any) -> tuple[Objective, ...]:
    """Another matrix, behind the frozen first one."""
    from tests.training.dummy_cells import Error

    loss = Error(network, before=frozen["fit"])
    weights = network.trainable_params()
    return (Objective("matrix", weights, ((0, loss),), mean_squares=loss.mean_squares),)


def preview(settings: Any, network: Any, frozen: Any, sample: NowcastSample) -> Preview:
    return Preview([("frames", sample.input.context[0, ..., 0])], "radar")


def make_spec(draw: Callable[..., Any] = draw) -> ModelSpec:
    first = Stage((), window, "none", build_matrix, fit, draw, monitor="loss", preview=preview)
    second = replace(
        first, requires=("fit",), build_network=build_fine_matrix, build_objectives=refine
    )
    return ModelSpec(
        name="dummy",
        task="nowcast",
        settings_type=DummySettings,
        stages={"fit": first, "refine": second},
        window=window,
        check_sampling=lambda *_: None,
        build_forecaster=lambda *_: None,
        row_bytes=lambda *_: 0,
        reference="none",
    )


SPEC = make_spec()


def run_settings(noise: float = 0.1, mode: str = "pynative", **training: Any) -> RunSettings:
    options = {
        "optimizer": "adam",
        "learning_rate": 1e-2,
        "total_batch_size": 4,
        "micro_batch_size": 2,
        "max_steps": 3,
        "log_every_steps": 1,
        **training,
    }
    stage = StageTraining.model_validate(options)
    data = SyntheticSettings(name="synthetic", root_dir="nowhere", frame_size=(SIZE, SIZE))
    return RunSettings[DummySettings, SyntheticSettings](
        model=DummySettings(noise=noise),
        data=data,
        training={"fit": stage, "refine": stage},
        runtime=Runtime(mode=mode),
    )


def trainer(
    path: Path, settings: RunSettings, spec: ModelSpec = SPEC, stage: str = "fit", **changes: Any
) -> Any:
    """A trainer over 12 samples, three steps of 4 an epoch, with 3 more for validation."""
    from mindcast.data.pipeline import Batches
    from mindcast.training.trainer import Trainer

    path.mkdir(parents=True, exist_ok=True)
    size = settings.training[stage].micro_batch_size
    arguments = {
        "train": Batches(Arrays(12), size, seed=0),
        "validation": Batches(Arrays(3, 100), size, seed=0, shuffle=False, drop_remainder=False),
        "frozen": {},
        **changes,
    }
    return Trainer(
        spec=spec, settings=settings, stage_name=stage, folder=RunFolder(path), **arguments
    )
