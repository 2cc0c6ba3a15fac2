"""Events out of a folder of frames: .npy arrays, PNG and GIF pictures of grey values.

What is an event: every sub-folder, or, in a folder without any, every file that holds several
frames (a 3-D .npy, an animated GIF); single frames side by side are one event. The order is that
of the names, where numbers count by their value ("2.png" before "10.png").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mindcast.refusal import Refusal

SUFFIXES = (".npy", ".png", ".gif")
GREY_MODES = ("L", "I", "F", "I;16", "I;16L", "I;16B")
KEPT_FRAMES = 64  # overlapping sequences read a frame several times


@dataclass(frozen=True)
class FrameEvent:
    """A series of frames; `places` are (file, number of the frame in it)."""

    name: str
    places: tuple[tuple[Path, int], ...]

    def __len__(self) -> int:
        return len(self.places)

    def frame(self, k: int) -> np.ndarray:
        """Codes of frame k, (H, W) float32; Refusal if it cannot be read or is coloured."""
        return _read(*self.places[k])


def find_events(source: Path) -> list[FrameEvent]:
    """The events of a folder; Refusal if there are none, or frames of unequal size."""
    if not source.is_dir():
        raise Refusal(f"{source}: no such folder; set data.prepare.source_dir")
    entries = sorted((p for p in source.iterdir() if p.name[0] != "."), key=_by_number)
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if folders and files:
        raise Refusal(
            f"{source}: holds sub-folders and frames ({folders[0].name}, "
            f"{files[0].name}); keep one kind, a sub-folder is one event"
        )
    if folders:
        events = [_event(folder.name, _frames_in(folder)) for folder in folders]
    else:
        events = _events_of_files(source, files)
    events = [event for event in events if len(event)]
    if not events:
        raise Refusal(
            f"{source}: no frames, expected {', '.join(SUFFIXES)} files or sub-folders of them"
        )
    _check_sizes(events)
    return events


def _events_of_files(source: Path, files: list[Path]) -> list[FrameEvent]:
    counts = {path: _extent(path)[0] for path in files}
    several = [path for path in files if counts[path] > 1]
    if several and len(several) < len(files):
        single = next(path for path in files if counts[path] == 1)
        raise Refusal(
            f"{source}: {several[0].name} holds {counts[several[0]]} frames, "
            f"{single.name} one; put the frames of an event into a sub-folder"
        )
    if several:
        return [_event(path.stem, [path]) for path in files]
    return [_event(source.name, files)]


def _frames_in(folder: Path) -> list[Path]:
    files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "."]
    return sorted(files, key=_by_number)


def _event(name: str, files: list[Path]) -> FrameEvent:
    return FrameEvent(name, tuple((p, k) for p in files for k in range(_extent(p)[0])))


def _check_sizes(events: list[FrameEvent]) -> None:
    files = dict.fromkeys(path for event in events for path, _ in event.places)
    first = next(iter(files))
    for path in files:
        if _extent(path)[1:] != _extent(first)[1:]:
            found, others = ("{} x {}".format(*_extent(p)[1:]) for p in (path, first))
            raise Refusal(
                f"{path}: has frames of {found}, {first.name} has {others}; all must be of one size"
            )


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in parts if p]


@cache
def _extent(path: Path) -> tuple[int, int, int]:
    """(frames, height, width) of a file, from its header."""
    if path.suffix.lower() == ".npy":
        shape = _array(path).shape
        if len(shape) not in (2, 3) or 0 in shape:
            raise Refusal(f"{path}: has shape {shape}, expected (H, W) or (frames, H, W)")
        frames, height, width = (1, *shape)[-3:]
        return frames, height, width
    with _picture(path) as picture:
        return getattr(picture, "n_frames", 1), picture.height, picture.width


@lru_cache(maxsize=KEPT_FRAMES)
def _read(path: Path, number: int) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        array = _array(path)
        codes = array[number] if array.ndim == 3 else array
    else:
        codes = _grey(path, number)
    if not np.isfinite(codes).all():
        raise Refusal(
            f"{path}: frame {number} holds NaN or infinity; fix it, or give such "
            "pixels a value and name it in data.prepare.missing_code"
        )
    return np.asarray(codes, np.float32)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise Refusal(
            f"{path}: not a readable .npy array ({' '.join(str(error).split())}); write it again"
        ) from None
    if array.dtype.kind not in "uif":
        raise Refusal(f"{path}: holds {array.dtype}, expected numbers")
    return array


def _grey(path: Path, number: int) -> np.ndarray:
    """Grey values of a picture: as they are stored, 0..255 or 0..65535."""
    with _picture(path) as picture:
        try:
            picture.seek(number)
            if picture.mode in GREY_MODES:
                return np.asarray(picture)
            channels = np.asarray(picture.convert("RGB"))
        except (OSError, EOFError, SyntaxError) as error:
            raise Refusal(
                f"{path}: frame {number} cannot be read ({error}); write it again"
            ) from None
    if (channels != channels[..., :1]).any():
        raise Refusal(
            f"{path}: frame {number} is coloured, expected grey values; colours have no "
            "physical value here, give the grey or .npy originals"
        )
    return channels[..., 0]


def _picture(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        reason = " ".join(str(error).split())
        raise Refusal(f"{path}: not a readable picture ({reason}); write it again") from None
