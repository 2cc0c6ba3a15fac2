"""The settings of the data sets that hold sequences in HDF5 groups, and of how they are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.marks import BOUND, LAYOUT
from mindcast.config.numbers import MissingCode
from mindcast.data.base_settings import DataSettings, Place, Positive2
from mindcast.data.radar.axes import Axes
from mindcast.data.radar.composites.settings import SequenceCompositesSettings, with_one_size
from mindcast.data.radar.frame_fit import Fit
from mindcast.data.radar.scaling import CODE_MAX, VIL_THRESHOLDS
from mindcast.data.radar.sequences.layouts import DBZ_MISSING, LAYOUTS


class FramesPrepareSettings(Frozen):
    """How a set is made from a folder of frames (.npy, PNG or GIF).

    physical = code x `physical_per_code` + `offset`; codes are what the files hold (grey values of
    pictures). The result may not exceed `value_scale`; below 0 counts as 0.
    """

    source_dir: Place
    """A sub-folder, animated GIF or 3-D .npy for each event, or frames of one event; in the order
    of their names, numbers by value."""
    physical_per_code: float = Field(gt=0)
    """Physical value of one code more."""
    offset: float = 0.0
    """Physical value of code 0."""
    missing_code: MissingCode | None = None
    """Code of missing values, which become 0, as transparent pixels do; "nan" for NaN; null:
    none."""
    axes: Axes | None = None
    """Axes of a 3-D .npy: "thw" (frames, height, width) or "hwt"; null: the first, and a shape that
    looks like another order is refused."""
    times_in_names: bool = True
    """Look for times in the names of frames: no sequence then reaches across a gap."""
    length: PositiveInt = 25
    """Frames of a sequence."""
    stride: PositiveInt = 5
    """Frames between the starts of two sequences; for selection "all"."""
    selection: Literal["all", "rain"] = "all"
    """Take all sequences, or by the rule of the Shanghai set ("rain") those whose first frames are
    wet, see `frame_windows`."""
    rain_mean_code: float = Field(default=3.0, ge=0)
    """Mean stored code of a frame from which on it is wet."""
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of what the test leaves, from its end, for validation; 0: none."""
    test_fraction: float = Field(default=0.15, ge=0, lt=1)
    """Share of the events (of a single event: of its frames) for the test, from the end; 0:
    none."""
    gap_frames: int = Field(default=25, ge=0)
    """Frames of a single event that are left out at each border between splits."""

    @model_validator(mode="after")
    def _something_is_left(self) -> FramesPrepareSettings:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction + test_fraction leave nothing for the training")
        return self


class SevirPrepareSettings(Frozen):
    """How sequences of smaller frames are made from SEVIR."""

    source_dir: Place
    """The folder of SEVIR, with CATALOG.csv and data/."""
    preset: Literal["paper", "code"] = "paper"
    """Dates and stride of the split. "paper" (Yu et al. 2024): validation after 2019-01-01, test
    after 2019-06-01, stride 12; "code", their repository since August 2024: test after 2019-10-01,
    stride 5."""
    val_start_date: Time | None = None
    """Overrules the preset; null: as it is there."""
    test_start_date: Time | None = None
    """Overrules the preset; null: as it is there."""
    stride: PositiveInt | None = None
    """Frames between the starts of two sequences; overrules the preset; null: as it is there."""
    length: PositiveInt = 25
    """Frames of a sequence; 49 keeps whole events, which the reader then cuts itself."""
    frame_size: Positive2 = (128, 128)
    """(H, W) of the frames that are written, pixels."""
    antialias: bool = False
    """Whether frames are smoothed before they are reduced."""
    clip: bool = False
    """Cut off values beyond 0..255 (a mark for "no echo", overshoots), which are refused else."""


class SequenceSettings(DataSettings):
    """Sequences of frames in one HDF5 file, or in a folder of files that `--mode prepare` made.

    Papers that use these data differ in `value_scale` and `thresholds`, so every report names them.
    Validation: the file's own group; without one the last of the training sequences. Differs: the
    reference validates on the test split where there is no group.
    """

    root_dir: str = Field(min_length=1)
    """The file or its folder."""
    interval_minutes: Annotated[PositiveInt, BOUND]
    """Minutes from frame to frame."""
    value_scale: Annotated[PositiveFloat, BOUND]
    """Physical value that is 1 to the model."""
    thresholds: tuple[float, ...]
    """Of the scores, physical values, rising."""
    pixel_km: float | None = Field(default=None, gt=0, le=1000)
    """Side of a pixel of the model's frames; null: not known. Finer frames of users are brought to
    it."""
    fit: Annotated[Fit, BOUND] = "resize"
    """How frames get the size that the model is built for: "resize" (bilinear) or "crop" (about the
    centre, zeros around)."""
    antialias: Annotated[bool, BOUND] = False
    """Whether "resize" smooths frames before it reduces them."""
    check_values: bool = True
    """Refuse files whose values look like another scale (see `radar.values`)."""
    axes: Annotated[Axes | None, LAYOUT] = None
    """Axes of a stored sequence: "thw" (frames, height, width) or "hwt"; null: the first, and a
    shape that looks like another order is refused."""
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training sequences, the last, for validation where the file has no group for
    it."""
    val_gap: int = Field(default=4, ge=0)
    """Sequences before them that are left out, since neighbours may share frames."""
    composites: SequenceCompositesSettings | None = None
    """How `--mode prepare` makes it out of radar composites; null: not."""

    @property
    def unit(self) -> str:
        """Of the physical values."""
        return LAYOUTS[self.name].unit

    @property
    def meaning(self) -> str:
        """Unit, range and interval."""
        scale = f"{self.unit} 0..{self.value_scale:g}"
        return f"{scale} every {self.interval_minutes} min"

    @model_validator(mode="before")
    @classmethod
    def _pixels_have_one_size(cls, tree: Any) -> Any:
        return with_one_size(tree, None)

    @model_validator(mode="after")
    def _thresholds_can_be_reached(self) -> SequenceSettings:
        rising = sorted(set(self.thresholds))
        if not rising or list(self.thresholds) != rising:
            raise ValueError(f"thresholds = {list(self.thresholds)}: must be some, rising")
        if rising[0] <= 0 or rising[-1] > self.value_scale:
            raise ValueError(
                f"thresholds = {rising}: must lie above 0 and not above "
                f"value_scale = {self.value_scale:g}"
            )
        return self


def _made_once(settings: SequenceSettings, prepare: object) -> None:
    if prepare is not None and settings.composites is not None:
        raise ValueError("prepare and composites are both given; a set is made in one way")


class SevirH5Settings(SequenceSettings):
    """SEVIR as sequences of 128 x 128 VIL codes, 5 minutes apart; `prepare` makes it from SEVIR."""

    name: Literal["sevir_h5"]
    interval_minutes: PositiveInt = 5
    value_scale: PositiveFloat = CODE_MAX
    thresholds: tuple[float, ...] = VIL_THRESHOLDS
    prepare: SevirPrepareSettings | None = None
    """How `--mode prepare` makes it; null: it is there."""

    @model_validator(mode="after")
    def _one_way_to_make_it(self) -> SevirH5Settings:
        _made_once(self, self.prepare)
        return self


class FramesSequenceSettings(SequenceSettings):
    """Sequences that `--mode prepare` makes from a folder of frames."""

    prepare: FramesPrepareSettings | None = None
    """How `--mode prepare` makes it; null: it is there."""

    @model_validator(mode="after")
    def _one_way_to_make_it(self) -> FramesSequenceSettings:
        _made_once(self, self.prepare)
        return self


class MeteoNetSettings(FramesSequenceSettings):
    """MeteoNet, north-west France: 565 x 784 whole dBZ, 255 for missing, 5 minutes apart."""

    name: Literal["meteonet"]
    interval_minutes: PositiveInt = 5
    value_scale: PositiveFloat = Field(default=90.0, lt=DBZ_MISSING)
    thresholds: tuple[float, ...] = (12.0, 18.0, 24.0, 32.0)


class ShanghaiSettings(FramesSequenceSettings):
    """Shanghai radar: grey codes 0..255 that stand for 0..`value_scale` dBZ, 6 minutes apart."""

    name: Literal["shanghai"]
    interval_minutes: PositiveInt = 6
    value_scale: PositiveFloat = 90.0
    thresholds: tuple[float, ...] = (20.0, 30.0, 35.0, 40.0)


class CikmSettings(FramesSequenceSettings):
    """CIKM 2017, Shenzhen: 15 frames of 101 x 101 grey codes, 6 minutes apart, padded to size."""

    name: Literal["cikm"]
    interval_minutes: PositiveInt = 6
    value_scale: PositiveFloat = 90.0
    thresholds: tuple[float, ...] = (20.0, 30.0, 35.0, 40.0)
    fit: Fit = "crop"
