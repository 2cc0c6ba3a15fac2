"""Files of safetensors: a header in JSON, then the numbers of all tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mindcast.weights import number_types as types
from mindcast.weights.faults import Damaged, Unfit, shown
from mindcast.weights.mapped import map_file

LENGTH = 8  # bytes of the number before the header that says how long it is
TYPES = {
    "F64": types.FLOAT64,
    "F32": types.FLOAT32,
    "F16": types.FLOAT16,
    "BF16": types.BFLOAT16,
    "I64": types.INT64,
    "I32": types.INT32,
    "I16": types.INT16,
    "I8": types.INT8,
    "U64": types.UINT64,
    "U32": types.UINT32,
    "U16": types.UINT16,
    "U8": types.UINT8,
    "BOOL": types.BOOL,
}


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays by name, in the mapped file, and the texts of its metadata. Damaged, Unfit."""
    from safetensors import SafetensorError, safe_open  # late: a refused command needs none of it

    try:
        with safe_open(path, framework="np"):  # checks all sizes and places
            content = map_file(path)
    except SafetensorError as error:
        raise Damaged(shown(error).removeprefix("Error while deserializing header: ")) from None
    start = LENGTH + int.from_bytes(content[:LENGTH], "little")
    header = json.loads(bytes(content[LENGTH:start]), object_pairs_hook=_unique)
    metadata = header.pop("__metadata__", {})
    body = content[start:]
    return {name: _array(name, entry, body) for name, entry in header.items()}, metadata


def _array(name: str, entry: dict, body: memoryview) -> np.ndarray:
    if entry["dtype"] not in TYPES:
        kind, known = shown(entry["dtype"]), ", ".join(TYPES)
        raise Unfit(f"{shown(name)} has the type {kind}, expected {known}; save it as one of them")
    begin, end = entry["data_offsets"]
    return TYPES[entry["dtype"]].shaped(body[begin:end], entry["shape"])


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise Damaged("its header has a name twice")
    return dict(pairs)
