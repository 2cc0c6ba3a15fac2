"""The settings that every data set has, and the types that several share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mindcast.config.frozen import Frozen
from mindcast.config.marks import SPEED
from mindcast.config.numbers import Size

EXAMPLE = "write it like 2019-06-01 00:00:00"

DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt]|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?"
    r"\s*(Z|[-+]\d{1,2}(?::?\d{2})?)?)?",
    re.ASCII,
)


def _to_datetime(value: Any) -> Any:
    """A date of the calendar as text, such as 2019-6-1 12:00 or 2019-06-01T12:00:00+02:00."""
    if not isinstance(value, str):
        # a bare number would pass as seconds since 1970: 20190601 would mean August 1970
        if not isinstance(value, date):
            raise ValueError(f"{value!r} is not a date; {EXAMPLE}")
        return value
    found = DATE.fullmatch(value.strip())
    if not found:
        raise ValueError(f"{value!r} is not a date; {EXAMPLE}")
    *numbers, fraction, zone = found.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    microsecond = int((fraction or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, _zone(zone))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a date ({error}); {EXAMPLE}") from None


def _zone(text: str | None) -> tzinfo | None:
    if text is None or text == "Z":
        return UTC if text else None
    hours, minutes = int(text[1:3].rstrip(":")), int(text[-2:] if len(text) > 3 else 0)
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def to_utc(time: datetime) -> datetime:
    """The same time in UTC without a zone; a time without one is taken as UTC."""
    try:
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:
        raise ValueError(f"{time} lies outside of the years 1 to 9999 in UTC") from None


Time = Annotated[datetime, BeforeValidator(_to_datetime), AfterValidator(to_utc)]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError(f"{text!r} is empty; give a folder or file")
    return text


Place = Annotated[str, Field(min_length=1), AfterValidator(_not_blank)]
"""Of a folder or file that is needed."""
Positive2 = tuple[Size, Size]


class DataSettings(Frozen):
    """What every data set has: its name in the table, its folder, and who reads it."""

    name: str
    """Chooses the data set."""
    root_dir: Place
    """The folder with its files."""
    workers: Annotated[int, SPEED] = Field(default=1, ge=1, le=64)
    """Processes that read ahead during training, as many for validation; 1: a thread."""

    @property
    def meaning(self) -> str:
        """What the numbers of the samples stand for: unit, range, interval; for warnings."""
        return "units of their own"
