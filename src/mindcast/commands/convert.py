"""`--mode convert`: weights of others to a checkpoint of ours, and ours to files for others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mindcast.commands.request import Request, shipped_configs
from mindcast.conversion.converted import INFORMATION, Choice, Converted, convert
from mindcast.refusal import Refusal
from mindcast.training import stored
from mindcast.weights.read import read_weights
from mindcast.weights.write import write_pytorch, write_safetensors

PYTORCH = ".pt"  # tensors alone, while the other formats hold the settings too
FORMAT = {"format": "pt"}  # in the metadata: axes are in the order of PyTorch


def run(request: Request) -> None:
    """Read `--from`, find out what it is, and write it as the ending of `--to` says."""
    source, target = _files(request)
    write = _writer(target)
    content = read_weights(source)
    choice = Choice(
        shipped_configs(), request.stage, request.weights, request.cfg, request.overrides
    )
    try:
        converted = convert(content, choice)
    except Refusal as refusal:
        raise Refusal(f"{source}: {refusal}") from None
    information = _information(converted, source)
    write(target, converted, information)
    for note in converted.notes:
        print(note)
    if target.suffix == PYTORCH and not converted.is_told_by_names:
        print("note: no released network has these names; a .ckpt or .safetensors comes back")
    print(f"written: {target} ({target.stat().st_size / 2**20:.1f} MiB)")


def _files(request: Request) -> tuple[Path, Path]:
    """`--from` and `--to`; Refusal unless the one can be read and the other does not exist."""
    source, target = request.source, request.to
    if source is None or target is None:
        missing = "--from" if source is None else "--to"
        raise Refusal(f"{missing}: is needed with --mode convert; give --from FILE --to FILE")
    if target.is_dir():
        raise Refusal(f"--to {target}: is a folder, expected the name of a file in it")
    if target.exists() and source.exists() and os.path.samefile(source, target):
        raise Refusal(f"--to {target}: is the file of --from; give another name")
    if target.exists() or target.is_symlink():
        raise Refusal(f"--to {target}: is there already; give another name or remove it")
    return source, target


def _writer(target: Path) -> Callable[[Path, Converted, dict[str, Any]], None]:
    if target.suffix not in WRITERS:
        known = ", ".join(WRITERS)
        raise Refusal(
            f"--to {target}: its ending {target.suffix!r} names no format; use one of {known}"
        )
    return WRITERS[target.suffix]


def _information(converted: Converted, source: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, see `training.stored`."""
    information = {
        "version": stored.FORMAT_VERSION,
        **converted.information,
        "model": converted.spec.name,
        "stage": converted.stage,
        "settings": converted.settings.model_dump(mode="json"),
    }
    origin = information.get(stored.CONVERTED)
    if isinstance(origin, dict):  # the first file counts, not what was made of it since
        information[stored.CONVERTED] = {"source": source.name, **origin}
    return information


def _checkpoint(target: Path, converted: Converted, information: dict[str, Any]) -> None:
    stored.write(target, converted.arrays, information)


def _safetensors(target: Path, converted: Converted, information: dict[str, Any]) -> None:
    metadata = {**FORMAT, INFORMATION: json.dumps(information)}
    write_safetensors(target, converted.reference(), metadata)


def _pytorch(target: Path, converted: Converted, information: dict[str, Any]) -> None:
    write_pytorch(target, converted.reference())


WRITERS = {".ckpt": _checkpoint, ".safetensors": _safetensors, PYTORCH: _pytorch}
