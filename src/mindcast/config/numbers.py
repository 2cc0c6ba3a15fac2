"""Whole numbers of settings with the range beyond which only slips of the hand lie."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

MOST = 2**32 - 1  # of every whole number whose setting has no narrower range

Size = Annotated[int, Field(gt=0, le=65_536)]
"""Of a network or a field: channels, heads, frames, pixels, samples taken at once."""
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
"""Of what is done one after the other: steps, epochs, samples."""
Seed = Annotated[int, Field(ge=0, le=4_294_967_000)]
"""NumPy's global stream, which MindSpore sets, takes 32 bits; each stage adds its own number."""
