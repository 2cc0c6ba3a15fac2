"""Checkpoint files: written whole or not at all, checked when read, with what made them.

Two kinds. A network checkpoint (`<stage>_best.ckpt`, `<stage>_last.ckpt`) holds the weights to
use, with the settings that made them. A state checkpoint (`<stage>_state.ckpt`) holds everything
that a run needs to go on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn

from mindcast.refusal import Refusal
from mindcast.training.stored import CONVERTED, read, require_network, write
from mindcast.weights.mindspore_file import TYPES


def save(path: Path, parameters: Iterable[Parameter], information: Mapping[str, Any]) -> None:
    """Write parameters and JSON-able information atomically; Refusal where it cannot be written."""
    write(path, {p.name: p.value().asnumpy() for p in parameters}, information)


def load_network(
    path: Path,
    network: nn.Cell,
    model: str,
    stage: str,
    check: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Put the network checkpoint of a model's stage into `network` and return its information.

    Raises Refusal if it is of another model or stage, if `check` of its information does, or,
    naming the first difference, if it was made by another configuration.
    """
    arrays, information = read(path)
    require_network(path, information, model, stage)
    if check is not None:
        check(information)
    fill(path, network.get_parameters(), arrays, exact=True)
    return information


def progress(path: Path, information: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Optimiser steps done, and of how many; None where another program has trained the weights.

    Refusal where the information lacks them.
    """
    if CONVERTED in information:
        return None, None
    position = information.get("position")
    step = position.get("step") if isinstance(position, dict) else None
    total = information.get("total_steps")
    if not isinstance(step, int) or not isinstance(total, int):
        raise Refusal(f"{path}: does not say after how many steps it was made; use another copy")
    return step, total


def fill(
    path: Path, parameters: Iterable[Parameter], arrays: Mapping[str, np.ndarray], exact: bool
) -> None:
    """Set parameters from arrays of the same names; `exact` refuses arrays that have no place."""
    wanted = {p.name: p for p in parameters}
    for name, parameter in wanted.items():
        if name not in arrays:
            raise Refusal(_other(path, f"it has no {name}"))
        kind = TYPES[str(parameter.dtype)].dtype
        found, expected = arrays[name].shape, tuple(parameter.shape)
        if found != expected:
            raise Refusal(_other(path, f"{name} is {found}, expected {expected}"))
        if arrays[name].dtype != kind:
            raise Refusal(_other(path, f"{name} is {arrays[name].dtype}, expected {kind}"))
    left = arrays.keys() - wanted.keys()
    if exact and left:
        name = " ".join(min(left).split())
        raise Refusal(_other(path, f"{name} has no place in the network"))
    for name, parameter in wanted.items():
        parameter.set_data(ms.Tensor(arrays[name], dtype=parameter.dtype))


def _other(path: Path, difference: str) -> str:
    return (
        f"{path}: a checkpoint of another configuration ({difference}); "
        "use the config.yaml of the run that made it"
    )
