"""Which variable of a CF file is rain or reflectivity, and what its unit makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mindcast.config.incoming import InputSettings
from mindcast.data.temperature import units
from mindcast.data.temperature.units import text
from mindcast.data.variables import Dataset, Field
from mindcast.refusal import Refusal

DBZ = re.compile(r"dbz(e|h|v)?|10\.?\s*log.*mm\^?6.*m\^?-3.*", re.IGNORECASE)
VIL_NAMES = ("vil", "vertically_integrated_liquid")
STANDARD_NAMES = (
    "rainfall_rate",
    "lwe_precipitation_rate",
    "precipitation_flux",
    "rainfall_flux",
    "equivalent_reflectivity_factor",
    "rainfall_amount",
    "precipitation_amount",
    "lwe_thickness_of_precipitation_amount",
    "thickness_of_rainfall_amount",
)
NAMES = re.compile(
    r"(rain|precip|reflectivity|dbz|\brr\b|\btp\b|acrr|rate|\bqpe|radar|\bvil\b|crr)",
    re.IGNORECASE,
)
# "mm/5min", which is no product of units
PER_INTERVAL = re.compile(
    r"(.+?)\s*(?:/|per)\s*(\d+(?:\.\d+)?)\s*(min|minutes?|h|hours?)", re.IGNORECASE
)
MM_OF_M, S_OF_HOUR = 1000.0, 3600.0
OTHERS = ("quality", "probab", "flag", "error", "count", "time", "mask")


@dataclass(frozen=True)
class Quantity:
    """What a variable holds: `unit` after multiplication with `factor`.

    is_amount: mm that fell in some time, to be made a rate.
    """

    unit: str
    factor: float = 1.0
    is_amount: bool = False


def find_variable(path: Path, data: Dataset, settings: InputSettings) -> str:
    """The name of the variable of rain or reflectivity; Refusal for none, or several."""
    fields = [str(name) for name, array in data.data_vars.items() if array.ndim >= 2]
    if settings.variable:
        if settings.variable in fields:
            return settings.variable
        raise Refusal(
            f"{path}: no variable input.variable = {settings.variable!r} with rows and columns, "
            f"found {', '.join(fields) or 'none'}"
        )
    by_standard = [n for n in fields if text(data[n].attrs.get("standard_name")) in STANDARD_NAMES]
    by_name = [n for n in fields if NAMES.search(n) and not any(o in n.lower() for o in OTHERS)]
    found = by_standard or by_name
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refusal(
            f"{path}: no variable of rain or reflectivity by its standard_name or name, found "
            f"{', '.join(fields) or 'none with rows and columns'}; name it in input.variable"
        )
    raise Refusal(
        f"{path}: several variables may be meant, {', '.join(found)}; name one in input.variable"
    )


def quantity_of(path: Path, array: Field, settings: InputSettings) -> Quantity:
    """What a variable holds by its unit, or by the settings where it states none."""
    stated = text(array.attrs.get("units", ""))
    if "units" not in array.attrs or not stated or stated == "1":
        return _given(path, array, settings)
    found = of_unit(stated)
    if found is None:
        raise Refusal(
            f"{path}: {array.name} is in {stated!r}, expected dBZ, a rain rate such as mm/h or an "
            "amount such as mm or kg m-2; fix its attribute units or choose another input.variable"
        )
    _check_given(path, stated, found, settings)
    return found


def of_unit(stated: str) -> Quantity | None:
    """What a unit measures; None for other things than rain and reflectivity."""
    if DBZ.fullmatch(stated.strip()):
        return Quantity("dBZ")
    interval = PER_INTERVAL.fullmatch(stated.strip())
    if interval:
        amount = of_unit(interval[1])
        hours = float(interval[2]) / (60 if interval[3].lower().startswith("m") else 1)
        known = amount is not None and amount.is_amount and hours > 0
        return Quantity("mm/h", amount.factor / hours) if amount and known else None
    for ours, factor, is_amount in (
        ("m/s", MM_OF_M * S_OF_HOUR, False),
        ("kg/m2/s", S_OF_HOUR, False),
        ("m", MM_OF_M, True),
        ("kg/m2", 1.0, True),
    ):
        try:
            found = units.conversion(stated, ours)
        except ValueError:
            return None
        if found is not None:
            unit = "mm" if is_amount else "mm/h"
            return Quantity(unit, float(f"{found[0] * factor:.12g}"), is_amount)
    return None


def _given(path: Path, array: Field, settings: InputSettings) -> Quantity:
    if settings.unit is None:
        raise Refusal(
            f"{path}: {array.name} states no unit, expected dBZ, mm/h, mm or kg m-2; set "
            "input.unit, or mend its attribute units"
        )
    return Quantity(settings.unit, is_amount=settings.unit == "mm")


def _check_given(path: Path, stated: str, found: Quantity, settings: InputSettings) -> None:
    if settings.unit is not None and settings.unit != found.unit:
        raise Refusal(
            f"{path}: states the unit {stated!r}, but input.unit = {settings.unit}; leave that "
            "setting out, or mend the file"
        )
