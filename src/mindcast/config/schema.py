"""The typed settings of a run: everything that the YAML file may hold, with its range.

Two parts depend on names in the file: `model` (type from the model table) and `data` (type from
the data-set table); `loader` puts their types in place. Units are in the names.
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, model_validator

from mindcast.config.frozen import Frozen
from mindcast.config.incoming import InputSettings
from mindcast.config.marks import SPEED
from mindcast.config.numbers import Count, Rows, Seed, Size

Model = TypeVar("Model", bound=Frozen)
Data = TypeVar("Data", bound=Frozen)


class StageTraining(Frozen):
    """How one stage is optimised (Gao et al. 2023, released configurations)."""

    optimizer: Literal["adamw", "adam"] = "adamw"
    """AdamW (decoupled weight decay) or Adam (none)."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The highest, reached after the warm-up."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of Adam's mean and mean square of the gradient, both in [0, 1)."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """Every AdamW step takes learning rate x `weight_decay` of a weight away; "adam" takes none."""
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of all steps over which the learning rate rises linearly; 0: no warm-up."""
    warmup_start_ratio: float = Field(default=0.1, ge=0, le=1)
    """Learning rate of the first warm-up step, as a share of `learning_rate`."""
    final_ratio: float = Field(default=1e-3, ge=0, le=1)
    """Learning rate at the last step, as a share of `learning_rate`."""
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls from the warm-up to `final_ratio`; "constant" stays."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Bound of the norm of all gradients together."""
    total_batch_size: Count = 64
    """Samples of one optimiser step, over all devices."""
    micro_batch_size: Size = 2
    """Samples that a device takes at once; must divide `total_batch_size`."""
    epochs: Count = 100
    """Passes over the training split; not used where `max_steps` is given."""
    max_steps: Count | None = None
    """Optimiser steps of the whole training; null: as `epochs` give."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the averaged weights, which then serve the forecasts; 0: no averaging. In a short
    training it stays lower, so that about the last tenth is averaged."""
    recompute: bool = False
    """Compute what lies inside the network's blocks again for the gradient instead of keeping it:
    more time; less memory where blocks consist of public operators, so not with the CPU's kernels.
    Sums of gradients may differ in their last bit."""
    loss_scale: float = Field(default=2.0**16, ge=1, le=2.0**40)
    """With `runtime.precision` float16, and only there: what the loss is multiplied by at first.
    Halved at every step whose gradients overflow, which is skipped."""
    loss_scale_growth_steps: Count = 2000
    """Steps in a row without an overflow after which the loss scale doubles."""
    augment: bool = True
    """Random mirror images and rotations, those that the stage allows."""
    validate_every_steps: int = Field(default=0, ge=0)
    """Steps between validations, each with a checkpoint; 0: once an epoch. One more at the end."""
    validation_batches: int = Field(default=0, ge=0)
    """Most micro-batches of a validation; 0: all. A smaller rest of the split is left out, unless
    it is all there is."""
    log_every_steps: Count = 10
    """Steps between lines of the log."""

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
    """Which sampler: "ddpm"; for fewer steps "ddim", "dpmpp_2m" or, with noise, "dpmpp_2m_sde"."""
    steps: Size = 1000
    """Network evaluations a forecast, at most the model's `diffusion.timesteps`."""
    eta: float = Field(default=0.0, ge=0, le=1)
    """Noise that "ddim" adds: 0 none, 1 as much as "ddpm". The other samplers take 0 only."""
    spacing: Literal["auto", "trailing", "endpoints", "log_snr"] = "auto"
    """Where a plan with fewer steps than noise levels T stops: "trailing" at equal jumps in time
    from T - 1 to clean data; "endpoints" evenly from T - 1 to 0; "log_snr" from T - 1 to 0 evenly
    in the logarithm of the signal-to-noise ratio. "auto": "trailing", but of GeoDiff's "ddim"
    "endpoints", as in its reference. What they are worth: performance.md, "Few calls"."""
    members: Size = 1
    """Members of an ensemble."""
    batch_size: Rows = "auto"
    """Members (or tiles, or cases of a test) that the network takes at once; "auto": as many as
    fit, see `memory_share`. Changes memory and time; forecasts but for rounding."""
    memory_share: Annotated[float, SPEED] = Field(default=0.5, gt=0, le=1)
    """Of the memory that is free, or left by the container's limit, or of the card: what "auto"
    may fill. The rest is for what is not sampled: encoding, decoding, files, pictures."""
    tile_overlap: float = Field(default=0.25, ge=0, le=0.5)
    """Of nowcasts of domains larger than the model's frame, which are made in tiles: what
    neighbours have in common, as a share of the frame's shorter side."""

    @property
    def at_once(self) -> int:
        """Rows of a batch, as far as it is settled: see `mindcast.capacity` for "auto"."""
        return 1 if self.batch_size == "auto" else self.batch_size


class Scoring(Frozen):
    """How forecasts are scored and drawn, whoever made them."""

    baselines: tuple[Literal["persistence", "extrapolation", "s-prog", "steps"], ...] = (
        "persistence",
        "extrapolation",
    )
    """Of nowcasts: forecasts that need no training, scored beside the model's on the same cases:
    the last frame, the same along its motion, S-PROG and STEPS of pysteps (`sampling.members`
    members, a second a case). A downscaling is always scored beside its interpolations."""
    pixel_km: float | None = Field(default=None, gt=0, le=1000)
    """Side of a pixel, by which STEPS perturbs the motion; null: `data.pixel_km` (that of the
    forecast's map), or 2 where that is not known."""
    pools: tuple[Size, ...] = (1, 4, 16)
    """Sides of the blocks, in pixels, whose largest value is scored; 1: pixels as they are."""
    scales: tuple[Size, ...] = (1, 3, 9, 27, 81)
    """Of nowcasts: sides of the neighbourhoods, in pixels, whose shares of events are scored
    (FSS)."""
    figures: int = Field(default=2, ge=0)
    """Cases that are drawn and, where they are fields, written as NetCDF."""
    probability_threshold: float | None = Field(default=None, ge=0)
    """Physical value in the panels of probability; null: the middle one of the data's."""


class Evaluation(Scoring):
    """What `--mode test` scores and draws."""

    split: Literal["train", "val", "test"] = "test"
    """Which samples."""
    methods: tuple[str, ...] = ()
    """Which of the model's forecasts to make; empty: all of them."""
    max_samples: int = Field(default=0, ge=0)
    """Only the first samples of the split; 0: all."""
    area_weight: bool = False
    """Whether points of fields count by cos(latitude)."""


class Runtime(Frozen):
    """Device, execution mode, memory and randomness."""

    seed: Seed = 0
    """Of all random numbers: weights, batches, noise, members."""
    fallback: Annotated[bool, SPEED] = True
    """Use the next device of Ascend, GPU, CPU where the one asked for is absent."""
    mode: Literal["graph", "pynative"] = "graph"
    """Compile the repeated steps ("graph") or run them operation by operation."""
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    """Number type of the networks' products and convolutions; all else, weights too, is float32.
    float16 scales the loss of a training, bfloat16 needs no scale and does not exist on CPU."""
    compile_cache: Annotated[str, SPEED] = "auto"
    """Folder of compiled graphs, by which later runs of one process on CPU start sooner; "auto":
    `mindcast/graphs` in the user's cache folder ($XDG_CACHE_HOME or ~/.cache); empty: none."""
    compile_cache_mib: Annotated[int, SPEED] = Field(default=2048, ge=1, le=1 << 24)
    """Most that compiled graphs take on disk, MiB; those used longest ago make way."""
    encoded_mib: Annotated[int, SPEED] = Field(default=1024, ge=0, le=1 << 24)
    """Memory of each process, MiB, for what frozen networks make of frames in training,
    such as latents: each frame is encoded once while there is room; 0: at every step."""


class RunSettings(Frozen, Generic[Model, Data]):
    """One run, complete: what the resolved `config.yaml` of a run folder holds."""

    model: Model
    """The model, chosen by `model.name`."""
    data: Data
    """The data set, chosen by `data.name`."""
    training: dict[str, StageTraining]
    """How each stage of the model is trained, by the stage's name."""
    sampling: Sampling = Sampling()
    """How forecasts are drawn."""
    evaluation: Evaluation = Evaluation()
    """What is scored and drawn."""
    runtime: Runtime = Runtime()
    """Device, execution mode, memory and randomness."""
    input: InputSettings = InputSettings()
    """What users' radar files hold that are forecast."""
    ckpt_path: str = ""
    """The checkpoint, or the folder of them, to forecast with; empty: the best of the run
    folder."""
