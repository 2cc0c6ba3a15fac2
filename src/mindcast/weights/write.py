"""Weights as files, whole or not at all: safetensors, state dicts of PyTorch, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mindcast.files import allow_as_umask, complete_or_absent
from mindcast.refusal import Refusal
from mindcast.weights.mindspore_file import write_entries
from mindcast.weights.pytorch_write import write_archive

REMEDY = "make room or name another file"


def write_safetensors(
    path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Arrays by name and texts as a file of safetensors, whole or not at all.

    Refusal where the file is there or cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    _check_absent(path)
    dense = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with complete_or_absent(path, REMEDY) as part:
        try:
            save_file(dense, part, dict(metadata) if metadata else None)
        except SafetensorError as error:  # its words for a failed write
            raise OSError(str(error)) from None
        allow_as_umask(part)


def write_pytorch(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name as a state dict that torch.load(FILE, weights_only=True) reads.

    Refusal where the file is there or cannot be written; ValueError for a type PyTorch lacks.
    """
    _check_absent(path)
    with complete_or_absent(path, REMEDY) as part:
        write_archive(part, arrays)


def write_mindspore(path: Path, entries: Mapping[str, np.ndarray | str]) -> None:
    """Arrays and texts by name as a checkpoint of MindSpore, which is not loaded for it.

    Refusal where the file is there or cannot be written; ValueError for a type MindSpore lacks.
    """
    _check_absent(path)
    with complete_or_absent(path, REMEDY) as part:
        write_entries(part, entries)


def _check_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise Refusal(f"{path}: is there already; name another file or remove it")
