"""Codes of arrays and pictures as values, by the mapping that the settings state."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import NO_MAP, Frame
from mindcast.data.radar.attributes import is_code
from mindcast.refusal import Refusal


def frame_of_codes(
    codes: np.ndarray, path: Path, settings: InputSettings, unit: str = "", gone: object = None
) -> Frame:
    """value = code x `physical_per_code` + `offset`; NaN where missing.

    unit: as the file states it, else the settings must. gone: where pixels are missing besides,
    (H, W) bool or None.
    """
    values = codes.astype(np.float64) * (settings.physical_per_code or 1.0) + settings.offset
    if settings.missing_code is not None:
        values[is_code(codes, float(settings.missing_code))] = np.nan
    if isinstance(gone, np.ndarray):
        values[gone] = np.nan
    unit = unit_of(path, unit, settings)
    values, unit = as_rate(values, unit, path, None, settings)
    return Frame(values, unit, None, (NO_MAP,))


def unit_of(path: Path, stated: str, settings: InputSettings) -> str:
    """The unit that a file or the settings state; Refusal where neither does, or both differ."""
    given = settings.unit or ""
    if stated and given and stated != given:
        raise Refusal(f"{path}: states {stated}, but input.unit = {given}; leave that setting out")
    if not stated and not given:
        raise Refusal(
            f"{path}: does not say what its values are; set input.unit to dBZ, mm/h, mm or VIL"
        )
    return stated or given
