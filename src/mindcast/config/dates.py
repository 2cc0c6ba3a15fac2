"""Times in settings: dates of the calendar, in UTC where they have no zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

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


def parse_time(text: str) -> datetime:
    """Text as a time in UTC; ValueError with the reason."""
    found: datetime = to_utc(_to_datetime(text))
    return found
