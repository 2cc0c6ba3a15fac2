"""The settings of `--mode verify`: what a forecast file and its truth hold, and what is scored.

They belong to no run: the mode takes any file, whoever made it.
"""

from __future__ import annotations

from pydantic import Field

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.incoming import InputSettings, Unit
from mindcast.config.numbers import Seed, Size
from mindcast.config.schema import Scoring


class ForecastSettings(Frozen):
    """What a forecast file holds where it does not state it; what it states must agree."""

    variable: str = ""
    """Which variable; empty: the one of rain or reflectivity, that with members of several."""
    unit: Unit | None = None
    """Of its values; "mm": in `accumulation_minutes`, "VIL": SEVIR's codes 0..255."""
    accumulation_minutes: float | None = Field(default=None, gt=0, le=1440)
    """Over which amounts are gathered."""
    reference: Time | None = None
    """When the forecast began: the time of the last observed frame."""


class Members(Frozen):
    """Of the baseline STEPS."""

    members: Size | None = None
    """Members; null: as many as the forecast has, of one without 8."""


class Randomness(Frozen):
    """Of the baseline STEPS."""

    seed: Seed = 0
    """Of its random numbers."""


class VerificationSettings(Frozen):
    """Sections of `--set` in `--mode verify`."""

    thresholds: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Of events, in dBZ, or in codes of VIL where the forecast is in these; null: those of the
    file's probabilities, else 20, 30, 35, 40 dBZ or 16, 74, 133, 160, 181, 219."""
    context_frames: Size = 5
    """Observed frames that the baselines begin with."""
    interval_minutes: int | None = Field(default=None, gt=0, le=1440)
    """Between the frames that the baselines begin with; null: as between those of the forecast."""
    factor: int | None = Field(default=None, ge=2, le=1024)
    """Of downscaled temperature: points along a side of a coarse cell; null: as files of ours state
    it. All other keys but `evaluation.figures` are of nowcasts."""
    forecast: ForecastSettings = ForecastSettings()
    """The forecast file."""
    input: InputSettings = InputSettings()
    """The files of the truth and of the context; how rain becomes reflectivity, in all files."""
    evaluation: Scoring = Scoring()
    """What is scored and drawn."""
    sampling: Members = Members()
    """The baseline STEPS."""
    runtime: Randomness = Randomness()
    """The baseline STEPS."""
