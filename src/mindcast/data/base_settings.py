"""The settings that every data set has, and the types that several share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt

from mindcast.config.frozen import Frozen
from mindcast.config.marks import SPEED


def _must_be_date(value: Any) -> Any:
    # a bare number would pass as seconds since 1970: 20190601 would mean August 1970
    if not isinstance(value, str | date):
        raise ValueError(f"{value!r} is not a date; write it like 2019-06-01 00:00:00")
    return value


def to_utc(time: datetime) -> datetime:
    """The same time in UTC without a zone; a time without one is taken as UTC."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


Time = Annotated[datetime, BeforeValidator(_must_be_date), AfterValidator(to_utc)]
Positive2 = tuple[PositiveInt, PositiveInt]


class DataSettings(Frozen):
    """What every data set has: its name in the table, its folder, and who reads it."""

    name: str
    """Chooses the data set."""
    root_dir: str = Field(min_length=1)
    """The folder with its files."""
    workers: Annotated[int, SPEED] = Field(default=1, ge=1, le=64)
    """Processes that read ahead during training."""

    @property
    def meaning(self) -> str:
        """What the numbers of the samples stand for: unit, range, interval; for warnings."""
        return "units of their own"
