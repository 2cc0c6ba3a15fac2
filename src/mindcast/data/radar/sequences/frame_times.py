"""Times in the names of frames, and the gaps that they show.

A date and a time of day stand in a name in one of the usual ways: 202007011205, 20200701T120500Z,
2020-07-01_12-05, 20200701-S120500, 01072020_1205, days of the year, two-digit years, seconds or
milliseconds since 1970; or the day is the name of their folder. UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np

from mindcast.refusal import Refusal

MINUTE = np.timedelta64(60, "s")
STEP_TOLERANCE = 0.1  # of the interval: by how much the usual step may differ from it
COLON = "colon"
NO_TIMES = "set data.prepare.times_in_names=false if these are no times"
GAP, TWICE = 1.5, 0.5  # times the interval: a step so long skips a frame, one so short is too many
Reading = Callable[[str], list[datetime]]  # all times that a name may tell, in their order


def _by_calendar(day: str) -> Reading:
    """A reading of names that hold a day, hour, minute and maybe second."""
    compiled = re.compile(
        rf"(?<!\d){day}[-_. ]?[TSts]?"
        r"(?P<hour>\d\d)(?P<colon>[-_.:h]?)(?P<minute>\d\d)"
        r"(?:(?P=colon)(?P<second>\d\d)(?:[.,]?\d{1,3})?)?(?!\d)"
    )

    def read(name: str) -> list[datetime]:
        times = []
        for found in _everywhere(compiled, name):
            texts = found.groupdict()
            parts = {part: int(texts[part] or 0) for part in texts if part != COLON}
            year = parts["year"] + (2000 if parts["year"] < 100 else 0)
            try:
                day = datetime(year, parts.get("month", 1), parts.get("day", 1))
                clock = time(parts["hour"], parts["minute"], parts["second"])
            except ValueError:  # the thirteenth month: digits of something else
                continue
            times.append(datetime.combine(day + timedelta(parts.get("day_of_year", 1) - 1), clock))
        return times

    return read


def _everywhere(compiled: re.Pattern[str], name: str) -> Iterator[re.Match[str]]:
    """All matches, also those that overlap: "raa01-2007010005" holds one after its 01 too."""
    found = compiled.search(name)
    while found is not None:
        yield found
        found = compiled.search(name, found.start() + 1)


def _by_epoch(digits: int, per_second: int) -> Reading:
    compiled = re.compile(rf"(?<!\d)(1\d{{{digits - 1}}})(?!\d)")

    def read(name: str) -> list[datetime]:
        seconds = [int(digits) / per_second for digits in compiled.findall(name)]
        return [datetime.fromtimestamp(s, UTC).replace(tzinfo=None) for s in seconds]

    return read


_YEAR, _MONTH, _DAY = r"(?P<year>(?:19|20)\d\d)", r"(?P<month>\d\d)", r"(?P<day>\d\d)"
_SEP = "[-_.]?"
# plain ones are times whatever they are; the others only where they step as the frames should
PLAIN: Sequence[Reading] = (_by_calendar(f"{_YEAR}{_SEP}{_MONTH}{_SEP}{_DAY}"),)
READINGS: Sequence[Reading] = (
    *PLAIN,
    _by_calendar(f"(?P<year>\\d\\d){_SEP}{_MONTH}{_SEP}{_DAY}"),
    _by_calendar(f"{_DAY}{_SEP}{_MONTH}{_SEP}{_YEAR}"),
    _by_calendar(f"{_YEAR}{_SEP}(?P<day_of_year>\\d{{3}})"),
    _by_epoch(10, 1),
    _by_epoch(13, 1000),
)


def times_of(files: Sequence[Path], interval_minutes: int) -> np.ndarray | None:
    """The times of frames by their names, datetime64[s]; None where not all of them tell one.

    Of several readings, and of several times in a name, that one is right whose steps are the
    interval. One time in all names is that of the event, or of the run.
    """
    names = [file.stem for file in files]
    plain, with_folders = None, [f"{file.parent.name}_{file.stem}" for file in files]
    for reading in READINGS:
        for times in _told(reading, names):
            if _steps_by(times, interval_minutes):
                return times
            if plain is None and reading in PLAIN and len(np.unique(times)) > 1:
                plain = times
    if plain is None:
        for times in _told(PLAIN[0], with_folders):
            if len(times) > 1 and _steps_by(times, interval_minutes):
                return times
    return plain


def _told(reading: Reading, names: Sequence[str]) -> Iterator[np.ndarray]:
    """The first times of all names, the second ones, ..., as many as every name has."""
    for times in zip(*(reading(name) for name in names), strict=False):
        yield np.array(times, "datetime64[s]")


def gaps_of(files: Sequence[Path], times: np.ndarray, interval_minutes: int) -> tuple[int, ...]:
    """Numbers of the frames before which others are missing.

    Refusal for times that do not rise, come twice, or step by another interval.
    """
    steps, interval = np.diff(times), interval_minutes * MINUTE
    for k in np.flatnonzero(steps <= 0 * MINUTE)[:1]:
        order = "of the same time as" if steps[k] == 0 * MINUTE else "of an earlier time than"
        raise Refusal(
            f"{files[k + 1]}: by its name {order} {files[k].name} before it; keep one frame of a "
            f"time, those of several places in sub-folders, names in order of time, or {NO_TIMES}"
        )
    if not _steps_by(times, interval_minutes):
        usual = float(np.median(steps) / MINUTE)
        setting = f"set data.interval_minutes={usual:g}" if usual.is_integer() else "fix the names"
        raise Refusal(
            f"{files[0]}: by the names frames are {usual:g} minutes apart, expected "
            f"data.interval_minutes = {interval_minutes}; {setting}, or {NO_TIMES}"
        )
    for k in np.flatnonzero(steps < TWICE * interval)[:1]:
        raise Refusal(
            f"{files[k + 1]}: by its name {steps[k] / MINUTE:g} minutes after {files[k].name}, "
            f"expected data.interval_minutes = {interval_minutes}; take one of them out, or "
            f"{NO_TIMES}"
        )
    return tuple(int(k) + 1 for k in np.flatnonzero(steps > GAP * interval))


def _steps_by(times: np.ndarray, interval_minutes: int) -> bool:
    """Whether these times usually step by the interval; those of a single frame do."""
    steps = np.diff(times)
    if not len(steps):
        return True
    usual = float(np.median(steps) / MINUTE)
    return abs(usual - interval_minutes) <= STEP_TOLERANCE * interval_minutes
