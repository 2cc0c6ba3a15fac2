"""The settings of sets that `--mode prepare` cuts out of radar composites."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from pydantic import Field, PositiveInt, model_validator

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.incoming import InputSettings, Row
from mindcast.data.base_settings import Positive2

Share = Annotated[float, Field(ge=0, le=1)]
Period = tuple[Time, Time]


class CompositesSettings(Frozen):
    """How tiles of radar composites become events or sequences."""

    inputs: tuple[str, ...] = Field(min_length=1)
    """Files, folders or patterns of names, each of one area and one format, as forecasts take
    them."""
    input: InputSettings = InputSettings()
    """What those files hold where they do not say it, and how it is converted."""
    pixel_km: float = Field(default=2.0, gt=0, le=1000)
    """Side of the pixels of the set, which is `data.pixel_km` too: one of them is enough, two that
    differ are refused. Means of the rain rate over smaller ones."""
    stride: PositiveInt = 5
    """Frames between the starts of two windows of a tile; 1: all windows."""
    tiles: PositiveInt = 4
    """Most tiles of an area in each split: the wettest, then those farthest from the others among
    those that are half as wet."""
    tile_gap: PositiveInt = 16
    """Least distance of two tiles' origins, pixels."""
    origins: tuple[tuple[Row, Row], ...] = ()
    """First row and column of the tiles, pixels of the set; empty: chosen by the rain."""
    rain: tuple[tuple[float, Share], ...] = ((12.3, 0.1),)
    """(dBZ, share): a window is kept where at least this share of it is so strong, for each pair;
    the first tells where it is wet. Empty: dry ones too."""
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of a tile's pixels that may be missing in a frame; they become 0."""

    @model_validator(mode="after")
    def _tiles_are_said_once(self) -> CompositesSettings:
        if self.input.crop or self.input.origin is not None:
            raise ValueError("input.crop and input.origin are of forecasts; give tiles in origins")
        return self


def with_one_size(tree: Any, usual: float | None) -> Any:
    """Settings of a data set, not yet checked, whose `pixel_km` is that of its composites.

    usual: its default, which former versions wrote beside another size of the composites.
    ValueError for two sizes that were given and differ.
    """
    composites = tree.get("composites") if isinstance(tree, dict) else None
    if not isinstance(composites, dict):
        return tree
    stated, size = tree.get("pixel_km"), composites.get("pixel_km")
    if size is None:
        default = CompositesSettings.model_fields["pixel_km"].default
        size = default if stated in (None, usual) else stated
    elif stated not in (None, usual, size):
        raise ValueError(
            f"pixel_km = {stated}, but composites.pixel_km = {size}: the set has pixels of one "
            "size; leave pixel_km out"
        )
    return {**tree, "pixel_km": size, "composites": {**composites, "pixel_km": size}}


class SequenceCompositesSettings(CompositesSettings):
    """How tiles of radar composites become sequences; splits are periods of time."""

    train: tuple[Period, ...] = ()
    """Periods [from, to) of the training, UTC; "to" is the first time that is not in it."""
    val: tuple[Period, ...] = ()
    """Periods of the validation."""
    test: tuple[Period, ...] = ()
    """Periods of the test."""
    tile: Positive2 = (128, 128)
    """(H, W) of the frames, pixels."""
    length: PositiveInt = 25
    """Frames of a sequence."""

    @property
    def periods(self) -> dict[str, tuple[Period, ...]]:
        """Of each split that is asked for."""
        every = {"train": self.train, "val": self.val, "test": self.test}
        return {split: periods for split, periods in every.items() if periods}

    @model_validator(mode="after")
    def _no_time_is_in_two_periods(self) -> SequenceCompositesSettings:
        every = sorted((*period, split) for split, of in self.periods.items() for period in of)
        if not every:
            raise ValueError("train, val and test are empty: give a period for one at least")
        for start, stop, split in every:
            if start >= stop:
                raise ValueError(
                    f"{split}: {start} to {stop} is no period, it ends before it starts"
                )
        for (_, stop, earlier), (start, _, later) in itertools.pairwise(every):
            if start < stop:
                raise ValueError(
                    f"a period of {later} starts at {start}, before one of {earlier} ends at {stop}"
                )
        return self
