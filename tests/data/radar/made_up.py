"""Made-up files for properties of readers: right values or a refusal, and the file as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mindcast.refusal import Refusal

TYPES = ("u1", "i1", "u2", "i2", ">u2", ">i4", "i8", "u8", "f2", "f4", ">f4", "f8")
# what people do to codes 0..255 -> the attributes that undo it, None where nothing does
CHANGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any] | None]] = {
    "codes": (lambda codes: codes, {}),
    "named neutral": (lambda codes: codes, {"scale_factor": 1.0, "add_offset": 0, "units": "1"}),
    "halved": (lambda codes: codes / 2, {"scale_factor": np.array([2.0])}),
    "shifted": (lambda codes: codes + 10, {"add_offset": np.float32(-10)}),
    "odim": (lambda codes: codes / 4 + 1, {"gain": 4.0, "offset": -4.0, "nodata": 255.0}),
    "missing": (lambda codes: np.where(codes == 0, 200, codes), {"_FillValue": np.uint8(200)}),
    "missing as text": (lambda codes: np.where(codes == 0, 201, codes), {"missing_value": "201"}),
    "valid": (lambda codes: codes, {"valid_range": np.array([0, 255])}),
    "negative": (lambda codes: np.where(codes == 0, -99, codes), None),
    "times 20": (lambda codes: codes * 20.0, None),
    "divided": (lambda codes: codes / 255, None),
    "normalised": (lambda codes: (codes - 33.4) / 47.5, None),
    "unclear": (lambda codes: codes, {"slope": 0.5}),
    "no numbers": (lambda codes: codes, {"scale_factor": b"two", "add_offset": [1.0, 2.0]}),
}
change_names = st.sampled_from(sorted(CHANGES))
type_names = st.sampled_from(TYPES)
codes_of = st.integers(0, 2**32 - 1)


def codes(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Codes 0..255 that are multiples of 8, the largest 240: 200 and 201 are never data."""
    found = np.random.default_rng(seed).integers(0, 24, shape) * 8.0
    found.flat[0], found.flat[1] = 240, 0
    return found


def stored_as(values: np.ndarray, kind: str) -> np.ndarray | None:
    """The values in a type; None where that does not hold them."""
    with np.errstate(all="ignore"):
        held = values.astype(kind)
    return held if np.allclose(held.astype("f8"), values, rtol=1e-3, atol=1e-6) else None


def outcome(path: Path, read: Callable[[], np.ndarray]) -> np.ndarray | None:
    """What `read` gives, None where it refuses in one line; the files below `path` stay."""
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    try:
        found, said = read(), ""
    except Refusal as refusal:
        found, said = None, str(refusal)
    assert "\n" not in said
    assert before == {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return found
