"""Numbers of settings with the range beyond which only slips of the hand lie."""

from __future__ import annotations

from math import isnan
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

MOST = 2**32 - 1  # of every whole number whose setting has no narrower range

Size = Annotated[int, Field(gt=0, le=65_536)]
"""Of a network or a field: channels, heads, frames, pixels, samples taken at once."""
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
"""Of what is done one after the other: steps, epochs, samples."""
Seed = Annotated[int, Field(ge=0, le=4_294_967_000)]
"""NumPy's global stream, which MindSpore sets, takes 32 bits; each stage adds its own number."""

NAN: Final = "nan"


def _nan_by_name(code: Any) -> Any:
    """NaN, which settings do not take, as the word for it."""
    is_nan = isinstance(code, float) and isnan(code)
    return NAN if is_nan or (isinstance(code, str) and code.strip(".").lower() == NAN) else code


MissingCode = Annotated[float | Literal["nan"], BeforeValidator(_nan_by_name)]
"""Of values that are missing; float() makes a number of it."""


def _in_one_line(rows: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(rows)
    except ValidationError:
        raise ValueError(
            f"got {rows!r}, expected a whole number from 1 to 65536, or auto"
        ) from None


Rows = Annotated[Size | Literal["auto"], WrapValidator(_in_one_line)]
"""Of a batch: so many, or as many as fit."""
