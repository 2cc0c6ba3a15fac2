"""The settings of the data sets that hold sequences in HDF5 groups, and of how they are made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from mindcast.config.frozen import Frozen
from mindcast.data.base_settings import Positive2, Time
from mindcast.data.radar.frame_fit import Fit
from mindcast.data.radar.scaling import CODE_MAX, VIL_THRESHOLDS
from mindcast.data.radar.sequences.layouts import DBZ_MISSING


class FramesPrepareSettings(Frozen):
    """How a set is made from a folder of frames (.npy, PNG or GIF).

    source_dir: a sub-folder, animated GIF or 3-D .npy for each event, or frames of one event; in
    the order of their names, numbers by value.
    physical_per_code, offset, missing_code: physical = code x `physical_per_code` + `offset`, but 0
    where the code is `missing_code`; codes are what the files hold (grey values of pictures). The
    result may not exceed `value_scale`; below 0 counts as 0.
    length, stride: frames of a sequence and between the starts of two. selection: "all", or "rain"
    for the rule of the Shanghai set: stretches whose first frames are wet, see `frame_windows`.
    val_fraction, test_fraction: shares of the events, from the end; of a single event its last
    frames, with `gap_frames` left out at each border.
    """

    source_dir: str = Field(min_length=1)
    physical_per_code: float = Field(gt=0)
    offset: float = 0.0
    missing_code: float | None = None
    length: PositiveInt = 25
    stride: PositiveInt = 5
    selection: Literal["all", "rain"] = "all"
    rain_mean_code: float = Field(default=3.0, ge=0)
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    test_fraction: float = Field(default=0.15, ge=0, lt=1)
    gap_frames: int = Field(default=25, ge=0)

    @model_validator(mode="after")
    def _something_is_left(self) -> FramesPrepareSettings:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction + test_fraction leave nothing for the training")
        return self


class SevirPrepareSettings(Frozen):
    """How sequences of smaller frames are made from SEVIR.

    preset: dates and stride of the split. "paper" (Yu et al. 2024): validation after 2019-01-01,
    test after 2019-06-01, stride 12; "code", their repository since August 2024: test after
    2019-10-01, stride 5. The three keys below the preset overrule it where they are given.
    length: frames of a sequence; 49 keeps whole events, which the reader then cuts itself.
    """

    source_dir: str = Field(min_length=1)
    preset: Literal["paper", "code"] = "paper"
    val_start_date: Time | None = None
    test_start_date: Time | None = None
    stride: PositiveInt | None = None
    length: PositiveInt = 25
    frame_size: Positive2 = (128, 128)
    antialias: bool = False


class SequenceSettings(Frozen):
    """Sequences of frames in one HDF5 file, or in a folder of files that `--mode prepare` made.

    root_dir: the file or its folder. Frames are brought to the size that the model is built for:
    fit "resize" (bilinear, `antialias` if wished) or "crop" (about the centre, zeros around).
    value_scale: physical value of 1. thresholds: of the scores, physical values. Papers that
    use these data differ in both, so every report says them.
    check_values: refuse files whose values look like another scale (see `sequences.check`).
    Validation: the file's own group; without one the last `val_fraction` of the training
    sequences, `val_gap` sequences before it left out, since neighbours may share frames.
    Differs: the reference validates on the test split where there is no group.
    workers: processes that read ahead during training.
    """

    name: str
    root_dir: str = Field(min_length=1)
    interval_minutes: PositiveInt
    value_scale: PositiveFloat
    thresholds: tuple[float, ...]
    fit: Fit = "resize"
    antialias: bool = False
    check_values: bool = True
    val_fraction: float = Field(default=0.1, ge=0, lt=1)
    val_gap: int = Field(default=4, ge=0)
    workers: int = Field(default=1, ge=1, le=64)

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


class SevirH5Settings(SequenceSettings):
    """SEVIR as sequences of 128 x 128 VIL codes, 5 minutes apart; `prepare` makes it from SEVIR."""

    name: Literal["sevir_h5"]
    interval_minutes: PositiveInt = 5
    value_scale: PositiveFloat = CODE_MAX
    thresholds: tuple[float, ...] = VIL_THRESHOLDS
    prepare: SevirPrepareSettings | None = None


class MeteoNetSettings(SequenceSettings):
    """MeteoNet, north-west France: 565 x 784 whole dBZ, 255 for missing, 5 minutes apart."""

    name: Literal["meteonet"]
    interval_minutes: PositiveInt = 5
    value_scale: PositiveFloat = Field(default=90.0, lt=DBZ_MISSING)
    thresholds: tuple[float, ...] = (12.0, 18.0, 24.0, 32.0)
    prepare: FramesPrepareSettings | None = None


class ShanghaiSettings(SequenceSettings):
    """Shanghai radar: grey codes 0..255 that stand for 0..`value_scale` dBZ, 6 minutes apart."""

    name: Literal["shanghai"]
    interval_minutes: PositiveInt = 6
    value_scale: PositiveFloat = 90.0
    thresholds: tuple[float, ...] = (20.0, 30.0, 35.0, 40.0)
    prepare: FramesPrepareSettings | None = None


class CikmSettings(SequenceSettings):
    """CIKM 2017, Shenzhen: 15 frames of 101 x 101 grey codes, 6 minutes apart, padded to size."""

    name: Literal["cikm"]
    interval_minutes: PositiveInt = 6
    value_scale: PositiveFloat = 90.0
    thresholds: tuple[float, ...] = (20.0, 30.0, 35.0, 40.0)
    fit: Fit = "crop"
    prepare: FramesPrepareSettings | None = None
