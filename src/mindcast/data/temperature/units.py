"""Units as files write them: the grammar is pint's, with the words of meteorology that it lacks.

The registry is that of cf_xarray, which knows what udunits knows. Spellings differ by the program
that wrote a file, so a unit is put into words of the registry before it is parsed.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pint  # late at run time: it takes longer to load than most files to be read

# what a unit measures, in words, by the unit of this house
MEASURES = {
    "K": "temperature, such as K or degC",
    "m/s": "speed, such as m s-1",
    "Pa/s": "pressure by time, such as Pa s-1",
    "Pa": "pressure, such as hPa or Pa",
    "m": "height, such as m, or of geopotential, such as m2 s-2",
    "1": "fraction, such as 1 or %",
    "s": "time, such as hours",
}

# words in lower case -> the registry's; where cases differ or words of archives are unknown to it
WORDS = {
    **dict.fromkeys(("k", "kelvin", "kelvins", "degk"), "kelvin"),
    **dict.fromkeys(("c", "celsius", "centigrade", "degc"), "degC"),
    **dict.fromkeys(("f", "fahrenheit", "degf"), "degF"),
    **dict.fromkeys(("pa", "pascal", "pascals"), "pascal"),
    **dict.fromkeys(("hpa", "hectopascal", "hectopascals"), "hectopascal"),
    "kpa": "kilopascal",
    **dict.fromkeys(("mb", "mbs", "mbar", "mbars", "millibar", "millibars"), "millibar"),
    **dict.fromkeys(("m", "gpm", "mgp", "meter", "meters", "metre", "metres", "mtr"), "meter"),
    **dict.fromkeys(("dam", "gpdam", "gpdm", "dagpm", "damgp", "decameters"), "decameter"),
    "km": "kilometer",
    "s": "second",
    "sec": "second",
    "secs": "second",
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("j", "joule", "joules"), "joule"),
    "kg": "kilogram",
    **dict.fromkeys(("kt", "kts", "kn", "knot", "knots"), "knot"),
    **dict.fromkeys(("percent", "percentage", "pct"), "percent"),
    **dict.fromkeys(
        ("proportion", "fraction", "unitless", "dimensionless", "none", "flag", "boolean"), ""
    ),
}
# (pattern, what stands for it), in this order
SPELLINGS = (
    (r"^[\[({]\s*(.*?)\s*[\])}]$", r"\1"),  # [K], (0 - 1)
    (r"^0\s*(?:-|to|/|\.\.+)\s*1$|^-$", "1"),  # of a fraction
    (r"geo-?potential\s*|\bgp\s+(?=m|dam)", ""),  # of metres
    (r"(?:[°º˚]|\bdeg(?:ree)?s?)[\s_.]*(c|k|f|celsius|kelvin|fahrenheit)(?![a-z])", r"\1"),
    (r"\b(h?pa|m|j)s(?:ec)?(?=\s*(?:\*\*|\^)?\s*-\s*1\b)", r"\1 s"),  # ms-1 is no millisecond
    (r"\bjkg(?=\s*(?:\*\*|\^)?\s*-\s*1\b)", "j kg"),
    (r"(?<=[a-z])(\s*(?:\*\*|\^))?\+(?=\d)", r"\1"),  # m+2
    (r"(?<=[a-z]\d)(?=[a-z])", " "),  # m2s-2
)
WORD = re.compile(r"[^\W\d_]+(?:_[^\W\d_]+)*")
SCALE = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)(?:\s*\*?\s*(?=[^\W\d])(.*))?")  # "0.01 Pa"

LONGEST = 60  # what is longer is prose

# the commonest spellings: of what they are (a unit of this house) and how much of it; all others
# are left to the registry, and a test holds these to it
COMMON = {
    **dict.fromkeys(("K", "kelvin"), ("K", 1.0)),
    **dict.fromkeys(("m", "metre", "meter", "meters", "gpm"), ("m", 1.0)),
    **dict.fromkeys(("m2 s-2", "m**2 s**-2", "m2/s2"), ("m2/s2", 1.0)),
    **dict.fromkeys(("degrees_north", "degree_north", "degrees_east"), ("1", math.pi / 180)),
    **dict.fromkeys(("degree_east", "degrees", "degree"), ("1", math.pi / 180)),
    "1": ("1", 1.0),
    "%": ("1", 0.01),
    "km": ("m", 1000.0),
    "mm": ("m", 0.001),
    **dict.fromkeys(("m s-1", "m s**-1", "m/s"), ("m/s", 1.0)),
    **dict.fromkeys(("mm h-1", "mm/h", "mm hr-1", "mm/hr"), ("m/s", 0.001 / 3600)),
    **dict.fromkeys(("kg m-2", "kg m**-2", "kg/m2"), ("kg/m2", 1.0)),
    **dict.fromkeys(("kg m-2 s-1", "kg m**-2 s**-1", "kg/m2/s"), ("kg/m2/s", 1.0)),
    "Pa": ("Pa", 1.0),
    **dict.fromkeys(("hPa", "millibar", "mbar"), ("Pa", 100.0)),
    **dict.fromkeys(("Pa s-1", "Pa s**-1", "Pa/s"), ("Pa/s", 1.0)),
    **dict.fromkeys(("s", "second", "seconds"), ("s", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes"), ("s", 60.0)),
    **dict.fromkeys(("h", "hour", "hours"), ("s", 3600.0)),
}
MEASURED = {measure for measure, _ in COMMON.values()}


def has_date_unit(unit: Any) -> bool:
    """Whether it is of dates: "hours since 1900-01-01", "day as %Y%m%d.%f"."""
    return re.search(r"\s(since|as)\s", text(unit)) is not None


def text(value: Any) -> str:
    """An attribute as text, whatever type its file gives it."""
    if isinstance(value, np.ndarray | list | tuple):
        value = value[0] if len(value) == 1 else " ".join(map(text, value))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip().strip("\0")


@lru_cache(maxsize=1024)
def conversion(unit: str, ours: str) -> tuple[float, float] | None:
    """(factor, offset) from a unit to one of `MEASURES`; None if it measures another thing.

    ValueError for a unit that is unknown.
    """
    if unit in COMMON and ours in MEASURED:
        measure, factor = COMMON[unit]
        return (float(f"{factor:.12g}"), 0.0) if measure == ours else None
    import pint

    registry, (scale, parsed) = _registry(), _parsed(unit)
    try:
        zero, one = (registry.Quantity(number, parsed).to(ours).magnitude for number in (0.0, 1.0))
    except pint.DimensionalityError:
        return None
    if zero and scale != 1:
        raise ValueError(unit)
    # 12 digits: without what the subtraction leaves, so that K is exactly 1
    return float(f"{scale * (one - zero):.12g}"), float(f"{zero:.12g}")


def _parsed(unit: str) -> tuple[float, pint.Unit]:
    """A unit as a number times one of the registry."""
    plain = unit.strip()
    if len(plain) > LONGEST:
        raise ValueError(unit)
    for pattern, replacement in SPELLINGS:
        plain = re.sub(pattern, replacement, plain, flags=re.IGNORECASE)
    scaled = SCALE.fullmatch(plain)
    try:
        scale = float(scaled[1]) if scaled else 1.0
        words = (scaled[2] or "") if scaled else plain
        return scale, _in_words(words)
    except Exception as error:  # the parser below raises what Python's tokenizer raises, and more
        raise ValueError(unit) from error


def _in_words(unit: str) -> pint.Unit:
    import pint

    plain = WORD.sub(lambda word: WORDS.get(word[0].lower(), word[0]), unit).strip() or "1"
    try:
        return _registry().Unit(plain)
    except pint.UndefinedUnitError:
        return _registry().Unit(plain.lower())  # MINUTES


@cache
def _registry() -> Any:
    from cf_xarray.units import units as registry

    return registry
