"""Every tensor of a file: taken into the network, known and not needed, or refused by its name."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from mindcast.conversion.nesting import StateDicts
from mindcast.conversion.recognise import Recognised
from mindcast.models.released import SCHEDULE
from mindcast.refusal import Refusal

SHOWN = 2  # names in a refusal
FLOATING = "f"
# tables that follow from these two, with rounding of their own, are not looked at
COMPARED = ("betas", "alphas_cumprod")
FOLLOW = frozenset({*SCHEDULE, "loss_weight"}) - frozenset(COMPARED)
RELATIVE, ABSOLUTE = 1e-4, 1e-7
Expected = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Account:
    """arrays: those of our network, by our names, float32. derived: how many others of the file
    were compared with what our network derives. unneeded: how many are known and not needed.
    rounded: how many were rounded to float32.
    """

    arrays: dict[str, np.ndarray]
    derived: int
    unneeded: int
    rounded: int


def account(
    recognised: Recognised,
    found: StateDicts,
    ours: Mapping[str, np.ndarray],
    expected: Expected,
    model_settings: object,
) -> Account:
    """Match a file's arrays with the network's. expected: its shapes, by our names.

    Refusal for what is missing, left over, of another shape, not a number, or not what the network
    derives from its settings.
    """
    released, stage = recognised.chosen.spec.released, recognised.chosen.stage
    left, unneeded = _rest(recognised, ours, expected)
    require_complete(ours, expected, [*left, *found.unknown])
    taken = {name: ours[name] for name in expected}
    reference = released.to_reference(stage, taken, model_settings)
    derived = {
        name: array
        for name, array in recognised.inside.items()
        if name not in ours and name in reference
    }
    surplus = recognised.inside.keys() - ours.keys() - reference.keys()
    require_complete(ours, expected, [n for n in sorted(surplus) if not _is_known(n, recognised)])
    repeated = {id(array) for array in taken.values()}
    _compare(derived, reference, repeated)
    _compare(_tables(recognised), released.buffers(model_settings))
    arrays = {name: as_float32(name, array) for name, array in taken.items()}
    rounded = sum(taken[name].dtype.itemsize > array.itemsize for name, array in arrays.items())
    return Account(arrays, len(derived), unneeded, rounded)


def _rest(
    recognised: Recognised, ours: Mapping[str, np.ndarray], expected: Expected
) -> tuple[list[str], int]:
    """Names for which nothing accounts, and how many of those not taken are known."""
    within = [name for name in ours if name not in expected]
    names = [*within, *recognised.beside]
    unknown = [name for name in names if not _is_known(name, recognised)]
    return unknown, len(names) - len(unknown)


def _is_known(name: str, recognised: Recognised) -> bool:
    """Whether a name is one of another network in the file, or one that trainings put beside."""
    beside = recognised.chosen.spec.released.beside
    groups = [beginning for beginning in beside if beginning.endswith(".")]
    groups += [other.prefix for other in recognised.elsewhere]
    return name in beside or name.startswith(tuple(groups))


def require_complete(ours: Mapping[str, np.ndarray], expected: Expected, left: list[str]) -> None:
    missing = [name for name in expected if name not in ours]
    if missing:
        raise Refusal(f"{_named(missing)} missing{_also(left)}; use a whole file")
    for name, shape in expected.items():
        if tuple(ours[name].shape) != shape:
            raise Refusal(
                f"{name} is {tuple(ours[name].shape)}, the settings give {shape}; no settings read "
                "off the shapes fit, give the configuration it was trained with by --cfg or --set"
            )
    if left:
        raise Refusal(
            f"{_named(left)} left over, in no place of the network; nothing is taken from such a "
            "file"
        )


def _also(left: list[str]) -> str:
    return f", and {_named(left)} left over" if left else ""


def _named(names: list[str]) -> str:
    shown = ", ".join(" ".join(name.split()) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{shown}{more} ({len(names)} tensor{'s' if len(names) > 1 else ''})"


def _compare(
    found: Mapping[str, np.ndarray],
    derived: Mapping[str, np.ndarray],
    repeated: Container[int] = (),
) -> None:
    """Refusal where a tensor that we derive, or one that is stored twice, is another in the file.

    repeated: the ids of arrays that are weights, which must be equal to the last bit.
    """
    for name, array in found.items():
        expected = derived[name]
        if array.shape != expected.shape and (array.size, expected.size) != (1, 1):
            raise _other(name, f"is {array.shape}, the settings give {expected.shape}")
        if id(expected) in repeated and not np.array_equal(array, expected):
            raise Refusal(f"{name} is not the copy of another tensor that it should be")
        if name in FOLLOW:
            continue
        values = array.reshape(expected.shape)
        if not np.allclose(values, expected, rtol=RELATIVE, atol=ABSOLUTE):
            raise _other(name, "has other values than the settings give")


def _other(name: str, what: str) -> Refusal:
    return Refusal(f"{name} {what}; give the configuration it was trained with by --cfg or --set")


def _tables(recognised: Recognised) -> dict[str, np.ndarray]:
    """The tables beside a network, or in a state dict that begins at the same place."""
    known = {*COMPARED, "scale_factor"}
    both = {**recognised.beside, **recognised.inside}
    return {name: array for name, array in both.items() if name in known}


def as_float32(name: str, array: np.ndarray) -> np.ndarray:
    """The same numbers, float32; Refusal where it holds none, or such as float32 cannot hold."""
    if array.dtype.kind != FLOATING:
        raise Refusal(f"{name} holds {array.dtype}, expected floating-point numbers")
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        raise Refusal(f"{name} holds values that are not finite; such weights are of no use")
    if array.dtype == np.float32:
        return array
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise Refusal(f"{name} holds values beyond float32, up to {np.abs(array).max():.3g}")
    return values
