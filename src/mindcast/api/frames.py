"""Radar frames of Python's arrays as the input of a nowcast, and its forecast as an array again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.config.incoming import Conversion
from mindcast.data.incoming.cf_names import of_unit
from mindcast.data.incoming.choose import choose
from mindcast.data.incoming.frames import Needed, Place, RadarFrames
from mindcast.data.incoming.quantities import BOUNDS, check_values, physical, rain_rate
from mindcast.output.nowcast import QUANTITIES
from mindcast.refusal import Refusal

if TYPE_CHECKING:
    import xarray  # late at run time: it loads pandas

WHERE = Path("frames")  # what refusals call them
TIME = "time"
PIXEL_TOLERANCE = 0.05  # of their size


def frames_of(array: Any, unit: str | None, needed: Needed) -> tuple[RadarFrames, tuple[str, ...]]:
    """The newest frames of an array that a model takes, and what was left out between them.

    A plain array (T, H, W) has frames of the model's interval in `unit`, oldest first; a DataArray
    has a coordinate "time", by which they are chosen, and an attribute "units". NaN, and what is
    masked, is missing. Refusal for what does not fit.
    """
    if hasattr(array, "dims") and hasattr(array, "coords"):
        return _of_dataarray(array, unit, needed)
    values, known = _numbers(array), _unit(unit, None)
    if len(values) < needed.frames:
        raise Refusal(
            f"frames: {len(values)} frames, expected {needed.frames}, {needed.interval_minutes} "
            "minutes apart, oldest first"
        )
    times = np.full(needed.frames, "NaT", "datetime64[s]")
    return _checked(values[len(values) - needed.frames :], known, 1.0, times), ()


def _of_dataarray(
    array: xarray.DataArray, unit: str | None, needed: Needed
) -> tuple[RadarFrames, tuple[str, ...]]:
    dims = [str(dim) for dim in array.dims]
    if TIME not in dims or TIME not in array.coords or array.ndim != 3:
        raise Refusal(
            f"frames: dimensions {', '.join(dims) or 'none'}, expected {TIME}, with a coordinate "
            "of that name, and two of the pixels"
        )
    array = array.transpose(TIME, ...)
    times = np.asarray(array[TIME].values)
    if times.dtype.kind != "M":
        raise Refusal(f"frames: time is of {times.dtype}, expected datetime64; decode it first")
    stated = str(array.attrs.get("units", "")).strip()
    quantity = of_unit(stated) if stated and stated != "1" else None
    if stated not in ("", "1") and (quantity is None or quantity.is_amount):
        raise Refusal(f"frames: units {stated!r}, expected dBZ or a rain rate such as mm/h")
    known = _unit(unit, quantity.unit if quantity else None)
    places = [Place(WHERE, np.datetime64(t, "s"), n) for n, t in enumerate(times)]
    chosen, notes = choose(places, None, needed)
    values = _numbers(array.isel({TIME: [place.number for place in chosen]}).values)
    factor = quantity.factor if quantity else 1.0
    return _checked(values, known, factor, np.array([p.time for p in chosen])), notes


def _numbers(array: Any) -> np.ndarray:
    values = np.ma.filled(np.ma.asarray(array).astype(np.float32), np.nan)
    if values.ndim != 3 or not values.size:
        raise Refusal(f"frames: got {values.shape}, expected (T, H, W)")
    return np.asarray(values)


def _unit(given: str | None, stated: str | None) -> str:
    if given is not None and given not in BOUNDS:
        raise Refusal(f"unit: got {given!r}, expected one of {', '.join(BOUNDS)}")
    if given and stated and given != stated:
        raise Refusal(f"unit: got {given}, but the frames say {stated}; leave it out")
    known = given or stated
    if not known:
        raise Refusal(f"unit: the frames do not say theirs, give one of {', '.join(BOUNDS)}")
    return known


def _checked(values: np.ndarray, unit: str, factor: float, times: np.ndarray) -> RadarFrames:
    checked = check_values(values * np.float32(factor), unit, str(WHERE))
    return RadarFrames(checked.astype(np.float32), unit, times, None, (WHERE,))


def check_pixels(array: Any, pixel_km: float | None) -> None:
    """Refusal where a DataArray's columns say that its pixels are of another size, metres or km."""
    column = str(array.dims[-1]) if hasattr(array, "dims") else ""
    if pixel_km is None or not column or column not in array.coords:
        return
    per_km = {"m": 1000.0, "km": 1.0}.get(str(array[column].attrs.get("units", "")))
    places = np.asarray(array[column].values)
    if per_km is None or places.ndim != 1 or len(places) < 2:
        return
    found = abs(float(places[-1] - places[0])) / (len(places) - 1) / per_km
    if abs(found - pixel_km) > PIXEL_TOLERANCE * pixel_km:
        raise Refusal(
            f"frames: pixels of {found:g} km, the model's are of {pixel_km:g} km; bring them to "
            "that size, or use --mode predict, which does"
        )


def in_unit(values: np.ndarray, unit: str, wanted: str, how: Conversion) -> np.ndarray:
    """Physical values of a model's `unit` in another, float32; no rain is 0, NaN stays."""
    if unit == wanted:
        return values
    if wanted != "mm/h":
        return physical(values, unit, wanted, how).astype(np.float32)
    dbz = physical(values, unit, "dBZ", how)
    return np.where(dbz == 0, 0, rain_rate(dbz, "dBZ", how)).astype(np.float32)


def forecast_array(
    values: np.ndarray,
    unit: str,
    leads_minutes: np.ndarray,
    last: np.datetime64,
    like: Any,
    about: Mapping[str, str],
    dims: Sequence[str] = ("y", "x"),
) -> xarray.DataArray:
    """Frames (T, H, W) or members (M, T, H, W) of a forecast in `unit` as a DataArray.

    last: time of the last frame, NaT where that is not known: frames are then told by their lead
    time alone. like: the frames, whose coordinates of pixels it takes; dims: their names else.
    """
    import xarray

    quantity = QUANTITIES[unit]
    lead = {"standard_name": "forecast_period", "units": "minutes"}
    coords: dict[str, Any] = {}
    if hasattr(like, "coords"):
        dims = [str(dim) for dim in like.dims if dim != TIME]
        kept = {str(n): c for n, c in like.coords.items() if c.dims and {*c.dims} <= {*dims}}
        coords |= {n: c for n, c in kept.items() if c.shape == _sizes(c.dims, dims, values)}
    if np.isnat(last):
        along = "lead_time"
        coords[along] = (along, leads_minutes, lead)
    else:
        along = TIME
        steps = (leads_minutes * 60).astype("timedelta64[s]")
        coords[along] = (along, (last + steps).astype("datetime64[ns]"))
        coords["lead_time"] = (along, leads_minutes, lead)
        coords["forecast_reference_time"] = last.astype("datetime64[ns]")
    front = [along] if values.ndim == 3 else ["realization", along]
    if values.ndim == 4:
        coords["realization"] = np.arange(len(values), dtype=np.int32)
    attributes = {**quantity.attributes, **about}
    return xarray.DataArray(values, coords, [*front, *dims], quantity.name, attributes)


def _sizes(own: Sequence[Any], dims: Sequence[str], values: np.ndarray) -> tuple[int, ...]:
    sizes = dict(zip(dims, values.shape[-2:], strict=True))
    return tuple(sizes[str(dim)] for dim in own)
