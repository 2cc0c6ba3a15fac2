"""The settings of archives of radar events in the SEVIR layout."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.marks import BOUND
from mindcast.data.base_settings import DataSettings, Place, Positive2
from mindcast.data.radar.composites.settings import CompositesSettings, with_one_size
from mindcast.data.radar.scaling import CODE_MAX, VIL_THRESHOLDS

UNIT = "VIL"
SPLIT_DATE = datetime(2019, 6, 1)
LR_PIXEL_KM = 3.0


class PrepareSettings(Frozen):
    """How SEVIR-LR is made from SEVIR."""

    source_dir: Place
    """The folder of SEVIR, with CATALOG.csv and data/."""
    target_dir: str = ""
    """The folder to write; empty: the data set's `root_dir`."""
    reduction: Literal["max", "mean"] = "max"
    """What a block of 3 x 3 pixels becomes."""
    clip: bool = False
    """Cut off values beyond 0..255 (a mark for "no echo", overshoots), which are refused else."""


class ArchiveSettings(DataSettings):
    """Radar events in the SEVIR layout: CATALOG.csv and data/<type>/<year>/*.h5 under `root_dir`.

    Dates are UTC. Differs: the reference draws its validation from overlapping sequences of the
    same events.
    """

    frame_size: Positive2
    """(H, W) of the stored frames, pixels."""
    frames_per_event: PositiveInt
    """How many frames a stored event has."""
    interval_minutes: Annotated[PositiveInt, BOUND]
    """Minutes from frame to frame."""
    pixel_km: float | None = Field(default=None, gt=0, le=1000)
    """Side of a pixel; null: not known. Finer frames of users are brought to it. A training takes
    what CATALOG.csv says (height_m, width_m) for the default, and refuses another."""
    image_type: Annotated[Literal["vil"], BOUND] = "vil"
    """Which images of the archive: vertically integrated liquid."""
    check_values: bool = True
    """Refuse files whose values look like another scale (see `radar.values`)."""
    train_test_split_date: Time = SPLIT_DATE
    """Events up to it are for training and validation, later ones for the test."""
    start_date: Time | None = None
    """Only events after it count; null: all."""
    end_date: Time | None = None
    """Only events up to it count; null: all."""
    val_start_date: Time | None = None
    """Training events after it are for validation; null: `val_fraction` of them."""
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training events drawn for validation, without `val_start_date`."""
    val_seed: int = Field(default=0, ge=0)
    """Of that draw."""

    @property
    def unit(self) -> str:
        """Of the physical values."""
        return UNIT

    @property
    def value_scale(self) -> float:
        """Physical value that is 1 to the model."""
        return CODE_MAX

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Of the scores, physical values."""
        return VIL_THRESHOLDS

    @property
    def meaning(self) -> str:
        """Unit, range and interval."""
        return f"{self.unit} 0..{self.value_scale:g} every {self.interval_minutes} min"

    @model_validator(mode="after")
    def _dates_rise(self) -> ArchiveSettings:
        names = ("start_date", "val_start_date", "train_test_split_date", "end_date")
        given = [(name, getattr(self, name)) for name in names if getattr(self, name) is not None]
        for (earlier, first), (later, second) in itertools.pairwise(given):
            if first > second:
                raise ValueError(f"{earlier} = {first} comes after {later} = {second}")
        return self


class SevirLRSettings(ArchiveSettings):
    """SEVIR-LR: 25 frames of 128 x 128 pixels, 10 minutes apart; `prepare` makes it from SEVIR."""

    name: Literal["sevir_lr"]
    pixel_km: float | None = Field(default=LR_PIXEL_KM, gt=0, le=1000)
    frame_size: Positive2 = (128, 128)
    frames_per_event: PositiveInt = 25
    interval_minutes: PositiveInt = 10
    prepare: PrepareSettings | None = None
    """How `--mode prepare` makes it; null: it is there."""
    composites: CompositesSettings | None = None
    """How `--mode prepare` makes it out of radar composites; null: not."""

    @model_validator(mode="before")
    @classmethod
    def _pixels_have_one_size(cls, tree: Any) -> Any:
        return with_one_size(tree, LR_PIXEL_KM)

    @model_validator(mode="after")
    def _one_way_to_make_it(self) -> SevirLRSettings:
        if self.prepare is not None and self.composites is not None:
            raise ValueError("prepare and composites are both given; an archive is made in one way")
        return self


class SevirSettings(ArchiveSettings):
    """SEVIR itself: 49 frames of 384 x 384 pixels, 5 minutes apart."""

    name: Literal["sevir"]
    pixel_km: float | None = Field(default=1.0, gt=0, le=1000)
    frame_size: Positive2 = (384, 384)
    frames_per_event: PositiveInt = 49
    interval_minutes: PositiveInt = 5


class SyntheticSettings(ArchiveSettings):
    """A radar archive that is generated into `root_dir` when it is first opened."""

    name: Literal["synthetic"]
    frame_size: Positive2 = (128, 128)
    frames_per_event: PositiveInt = 25
    interval_minutes: PositiveInt = 10
    events: int = Field(default=40, ge=2, le=100_000)
    """How many are generated."""
    seed: int = Field(default=0, ge=0)
    """Of the generated events."""

    @model_validator(mode="after")
    def _frames_are_square(self) -> SyntheticSettings:
        height, width = self.frame_size
        if height != width or height < 8:
            raise ValueError(f"frame_size = {height} x {width}: must be square, at least 8 x 8")
        return self
