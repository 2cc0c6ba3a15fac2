"""The typed settings of a run: everything that the YAML file may say, with its range.

Two parts depend on names in the file: `model` (type from the model table) and `data` (type from
the data-set table); `loader` puts their types in place. Units are in the names.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.frozen import Frozen

Model = TypeVar("Model", bound=Frozen)
Data = TypeVar("Data", bound=Frozen)


class StageTraining(Frozen):
    """How one stage is optimised (Gao et al. 2023, released configurations).

    One step takes `total_batch_size` samples in micro-batches of `micro_batch_size`. Length:
    `epochs`, unless `max_steps` is given. Validation and checkpoints come every
    `validate_every_steps` (0: once an epoch) and at the end. Validation takes whole micro-batches,
    at most `validation_batches` of them (0: all); a smaller rest of the split is left out, unless
    it is all there is.
    """

    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    warmup_start_ratio: float = Field(default=0.1, ge=0, le=1)
    final_ratio: float = Field(default=1e-3, ge=0, le=1)
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    clip_norm: float = Field(default=1.0, gt=0)
    total_batch_size: PositiveInt = 64
    micro_batch_size: PositiveInt = 2
    epochs: PositiveInt = 100
    max_steps: int | None = Field(default=None, ge=1)
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    augment: bool = True
    validate_every_steps: int = Field(default=0, ge=0)
    validation_batches: int = Field(default=0, ge=0)
    log_every_steps: PositiveInt = 10

    @model_validator(mode="after")
    def _batches_fit(self) -> StageTraining:
        if self.total_batch_size % self.micro_batch_size:
            raise ValueError(
                f"total_batch_size = {self.total_batch_size} is not a multiple of "
                f"micro_batch_size = {self.micro_batch_size}"
            )
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas = {list(self.betas)}, both must lie in [0, 1)")
        return self


class Sampling(Frozen):
    """How forecasts are drawn: a sampler of `mindcast.diffusion.samplers`, any number of steps."""

    sampler: str = "ddpm"
    steps: PositiveInt = 1000
    eta: float = Field(default=0.0, ge=0, le=1)
    members: PositiveInt = 1
    batch_size: PositiveInt = 1


class Evaluation(Frozen):
    """What `--mode test` scores and draws.

    methods: which of the model's forecasts to make; empty means all of them.
    max_samples: only the first samples of the split (0: all).
    figures: cases that are drawn and, where they are fields, written as NetCDF.
    probability_threshold: physical value in the panels; none: the middle one of the data's.
    area_weight: whether points of fields count by cos(latitude).
    """

    split: Literal["train", "val", "test"] = "test"
    methods: tuple[str, ...] = ()
    max_samples: int = Field(default=0, ge=0)
    pools: tuple[PositiveInt, ...] = (1, 4, 16)
    figures: int = Field(default=2, ge=0)
    probability_threshold: float | None = Field(default=None, ge=0)
    area_weight: bool = False


class Runtime(Frozen):
    """Device, execution mode and randomness.

    mode: "graph" compiles the repeated steps, "pynative" runs them operation by operation.
    fallback: use the next device of Ascend, GPU, CPU where the one asked for is absent.
    compile_cache: folder that keeps compiled graphs between runs ("" for none).
    """

    seed: int = Field(default=0, ge=0)
    fallback: bool = True
    mode: Literal["graph", "pynative"] = "graph"
    compile_cache: str = ""


class RunSettings(Frozen, Generic[Model, Data]):
    """One run, complete: what the resolved `config.yaml` of a run folder holds.

    ckpt_path: the checkpoint that `--mode test` uses; empty: the best ones of the run folder.
    """

    model: Model
    data: Data
    training: dict[str, StageTraining]
    sampling: Sampling = Sampling()
    evaluation: Evaluation = Evaluation()
    runtime: Runtime = Runtime()
    ckpt_path: str = ""
