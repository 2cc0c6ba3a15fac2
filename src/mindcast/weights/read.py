"""Any file of trained weights, told by how it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.refusal import Refusal
from mindcast.weights import pytorch_legacy, pytorch_zip
from mindcast.weights.faults import Damaged, Forbidden, Unfit
from mindcast.weights.mindspore_file import read_mindspore
from mindcast.weights.pytorch_legacy import read_legacy
from mindcast.weights.pytorch_zip import read_zip
from mindcast.weights.safetensors_file import read_safetensors

KINDS = {
    "pytorch": "PyTorch file",
    "pytorch-legacy": "PyTorch file (of the old format)",
    "safetensors": "safetensors file",
    "mindspore": "MindSpore checkpoint",
}
KNOWN = "PyTorch (.pt, .pth, .ckpt), safetensors or MindSpore (.ckpt)"
WEB_PAGE = (b"<!doctype", b"<html", b"<?xml")
# how other files begin that people take for weights, and what to do then
OTHERS = (
    (b"version https://git-lfs", "a note of Git LFS; fetch the file itself with git lfs pull"),
    (b"\x89HDF", f"an HDF5 file; give one of {KNOWN}"),
    (b"\x1f\x8b", "packed by gzip; unpack it with gunzip first"),
    (b"\x80", "a pickle that PyTorch did not write; save the state dict with torch.save"),
)


@dataclass(frozen=True)
class Stored:
    """What a file of weights holds.

    kind: one of KINDS.
    content: by name, as deep as the file has it: arrays, numbers, texts, bytes, None, dicts, lists
        and tuples of them, and `Foreign` for objects of which only the name is kept. Arrays are
        read-only, in the byte order of the machine, and lie in the file until they are looked at;
        bfloat16 is float32. Keys of inner dicts may be numbers.
    metadata: texts beside the weights, of safetensors only.
    """

    kind: str
    content: Mapping[str, Any]
    metadata: Mapping[str, str]


def read_weights(path: Path) -> Stored:
    """What a file holds, without running anything in it. Refusal where it is none of weights."""
    kind = _kind(path)
    metadata: dict[str, str] = {}
    content: Any
    try:
        if kind == "safetensors":
            content, metadata = read_safetensors(path)
        else:
            content = {
                "pytorch": read_zip,
                "pytorch-legacy": read_legacy,
                "mindspore": read_mindspore,
            }[kind](path)
    except Forbidden as reason:
        raise Refusal(
            f"{path}: holds {reason}, expected tensors, numbers and texts alone, nothing was run; "
            "save the state dict alone, torch.save(model.state_dict(), FILE)"
        ) from None
    except Unfit as reason:
        raise Refusal(f"{path}: {reason}") from None
    except Damaged as reason:
        raise Refusal(f"{path}: not a whole {KINDS[kind]} ({reason}); use another copy") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise Refusal(f"{path}: holds no tensors by name; save the state dict of the network")
    return Stored(kind, content, metadata)


def _kind(path: Path) -> str:
    """The kind of a file, by its first bytes; Refusal for what is none of weights."""
    start = _start(path)
    if start.startswith(pytorch_zip.SIGNATURE):
        return "pytorch"
    if start.startswith(pytorch_legacy.SIGNATURE):
        return "pytorch-legacy"
    if start[5:9] == b"\0\0\0{":  # after the length of its header, eight bytes
        return "safetensors"
    if start.lstrip().lower().startswith(WEB_PAGE):
        raise Refusal(f"{path}: a web page; download the file again, as its page describes")
    if start[0] == 0x0A:  # how the first entry of a checkpoint of MindSpore begins
        return "mindspore"
    for beginning, words in OTHERS:
        if start.startswith(beginning):
            raise Refusal(f"{path}: {words}")
    raise Refusal(f"{path}: not a file of weights; give one of {KNOWN}")


def _start(path: Path) -> bytes:
    """The first bytes of a file; Refusal for a folder, and where there are none."""
    if path.is_dir():
        raise Refusal(f"{path}: a folder; name a file in it")
    if not path.is_file():
        raise Refusal(f"{path}: no such file; name a file of weights, {KNOWN}")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise _unreadable(path, error) from None
    if not start:
        raise Refusal(f"{path}: an empty file; use another copy")
    return start


def _unreadable(path: Path, error: OSError) -> Refusal:
    return Refusal(f"{path}: cannot be read ({error.strerror}); check its rights or copy it anew")
