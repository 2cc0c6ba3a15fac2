"""Checkpoint files: written whole or not at all, checked when read, with what made them.

Two kinds. A network checkpoint (`<stage>_best.ckpt`, `<stage>_last.ckpt`) holds the weights to
use, with the settings that made them. A state checkpoint (`<stage>_state.ckpt`) holds everything
that a run needs to go on as if it had never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn

from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal

REMEDY = "free some space or choose another --out; earlier checkpoints are untouched"
INFORMATION = "mindcast"  # the entry that holds the JSON text


def save(path: Path, parameters: Iterable[Parameter], information: Mapping[str, Any]) -> None:
    """Write parameters and JSON-able information atomically; Refusal where it cannot be written."""
    entries = [{"name": p.name, "data": ms.Tensor(p.value())} for p in parameters]
    with complete_or_absent(path, REMEDY) as part:
        text = json.dumps(information)
        try:
            ms.save_checkpoint(entries, str(part), append_dict={INFORMATION: text}, crc_check=True)
        except (RuntimeError, ValueError) as error:  # MindSpore's words for a failed write
            raise OSError(str(error).splitlines()[0]) from None


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays by name and the information of a checkpoint; Refusal if missing or damaged."""
    if not path.is_file():
        raise Refusal(f"{path}: no such checkpoint; train the stage first or fix ckpt_path")
    try:
        entries = ms.load_checkpoint(str(path), crc_check=True)
    except (ValueError, RuntimeError, TypeError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Refusal(
            f"{path}: not a whole checkpoint ({reason}); it may be truncated, use another copy"
        ) from None
    text = entries.pop(INFORMATION, None)
    if text is None:
        raise Refusal(f"{path}: not a checkpoint of this program (no {INFORMATION!r} entry)")
    return {name: p.asnumpy() for name, p in entries.items()}, json.loads(str(text))


def load_network(path: Path, network: nn.Cell, model: str, stage: str) -> dict[str, Any]:
    """Put the network checkpoint of a model's stage into `network` and return its information.

    Raises Refusal if it is of another model or stage or, naming the first difference, if it was
    made by another configuration.
    """
    arrays, information = read(path)
    if (information["model"], information["stage"]) != (model, stage):
        found = f"{information['model']}/{information['stage']}"
        raise Refusal(f"{path}: holds {found}, expected {model}/{stage}; fix ckpt_path")
    fill(path, network.get_parameters(), arrays, exact=True)
    return information


def fill(
    path: Path, parameters: Iterable[Parameter], arrays: Mapping[str, np.ndarray], exact: bool
) -> None:
    """Set parameters from arrays of the same names; `exact` refuses arrays that have no place."""
    wanted = {p.name: p for p in parameters}
    for name, parameter in wanted.items():
        if name not in arrays:
            raise Refusal(_other(path, f"it has no {name}"))
        if arrays[name].shape != tuple(parameter.shape):
            found, expected = arrays[name].shape, tuple(parameter.shape)
            raise Refusal(_other(path, f"{name} is {found}, expected {expected}"))
    left = arrays.keys() - wanted.keys()
    if exact and left:
        raise Refusal(_other(path, f"{min(left)} has no place in the network"))
    for name, parameter in wanted.items():
        parameter.set_data(ms.Tensor(arrays[name], dtype=parameter.dtype))


def _other(path: Path, difference: str) -> str:
    return (
        f"{path}: a checkpoint of another configuration ({difference}); "
        "use the config.yaml of the run that made it"
    )
