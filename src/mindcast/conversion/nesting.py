"""The state dicts in a file, out of what training programs wrap around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mindcast.refusal import Refusal

RAW, EMA = "raw", "ema"
COPIES = (RAW, EMA)
WEIGHTS = ("state_dict", "model")  # sections with a state dict: of Lightning, of other trainers
AVERAGES = "ema"
ONLINE, AVERAGED = "online_model.", "ema_model."  # in a section of averages: a copy of the raw ones
OF_AVERAGING = ("initted", "step")
OF_TRAINING = (  # sections that hold the state of a training, no weights
    "callbacks",
    "loops",
    "lr_schedulers",
    "opt",
    "optimizer",
    "optimizer_state_dict",
    "optimizer_states",
    "scaler",
    "scheduler",
    "scheduler_state_dict",
)
EVERYWHERE = ("module.", "_orig_mod.")  # before every name: of parallel and of compiled networks


@dataclass(frozen=True)
class StateDicts:
    """What a file holds of weights.

    copies: "raw" or "ema" to arrays by name. unknown: the arrays in places that no training
    program known here puts weights or its own state.
    """

    copies: Mapping[str, Mapping[str, np.ndarray]]
    unknown: tuple[str, ...]


def state_dicts(content: Mapping[str, Any]) -> StateDicts:
    """The state dicts of a file; Refusal where it holds no tensor at all."""
    sections = {name for name, value in content.items() if isinstance(value, Mapping)}
    weights = next((name for name in WEIGHTS if name in sections), None)
    copies: dict[str, dict[str, np.ndarray]] = {}
    known: set[str] = set(OF_TRAINING)
    if weights is not None:
        copies[RAW] = dict(_arrays(content[weights]))
        known.add(weights)
    if AVERAGES in sections:
        copies[EMA] = _averages(dict(_arrays(content[AVERAGES])))
        known.add(AVERAGES)
    if not copies:
        inner = {n: v for n, v in content.items() if n not in known}
        copies[RAW], known = dict(_arrays(inner)), set(content)
    unknown = [n for k, v in content.items() if k not in known for n, _ in _arrays({k: v})]
    found = {kind: _bare(arrays) for kind, arrays in copies.items() if arrays}
    if not found:
        raise Refusal("it holds no tensors, expected those of a network; use another file")
    return StateDicts(found, tuple(unknown))


def _averages(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of a section of averages that are averages of weights."""
    if not any(name.startswith(AVERAGED) for name in arrays):
        return arrays
    return {
        name.removeprefix(AVERAGED): array
        for name, array in arrays.items()
        if not name.startswith(ONLINE) and name not in OF_AVERAGING
    }


def _arrays(tree: Any, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every array in dicts and lists, by the names on the way joined with dots."""
    if isinstance(tree, np.ndarray):
        yield path, tree
    elif isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _arrays(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from _arrays(value, f"{path}.{number}" if path else str(number))


def _bare(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Without what stands before every name."""
    for prefix in EVERYWHERE:
        if all(name.startswith(prefix) for name in arrays):
            return _bare({name.removeprefix(prefix): array for name, array in arrays.items()})
    return arrays
