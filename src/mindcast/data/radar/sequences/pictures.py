"""Grey values of pictures as they are stored, and which of their pixels are transparent.

A transparent pixel has no value, whatever colour lies below it. What a reader would have to make up
is refused: colours, pixels that are partly transparent, lossy formats, and 16 bits a channel where
Pillow keeps 8.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from mindcast.data.file_kinds import found_instead
from mindcast.refusal import Refusal, one_line

LOSSY = ("JPEG", "JPEG2000", "WEBP", "MPO", "AVIF")
WIDE_GREY = ("I", "F", "I;16", "I;16L", "I;16B")
OPAQUE = 255
PNG_HEADER = slice(24, 26)  # bits a channel, kind of colour
PNG_GREY, PNG_PALETTE = 0, 3
# what Pillow raises for damaged files
PICTURE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)
Grey = tuple[np.ndarray, np.ndarray | None]


def extent(path: Path) -> tuple[int, int, int]:
    """(frames, height, width) of a picture file, from its headers; Refusal if there are none."""
    with _opened(path) as picture:
        return getattr(picture, "n_frames", 1), picture.height, picture.width


def read_grey(path: Path, number: int) -> Grey:
    """Frame `number`: grey values (H, W), 0..255 or 0..65535, and where it is transparent.

    The second is None where nothing is. Fewer than 8 bits are spread over 0..255 as when shown.
    Refusal for colours and for what would not be the values stored.
    """
    with _opened(path, f"frame {number}") as picture:
        if picture.format in LOSSY:
            raise Refusal(
                f"{path}: is a {picture.format} picture, whose values are not those that were "
                "measured; give PNG, GIF or .npy originals"
            )
        bits, colour = _png_header(path)
        if bits == 16 and colour not in (PNG_GREY, PNG_PALETTE):
            raise Refusal(
                f"{path}: holds channels of 16 bits, of which 8 would be read; write it as grey "
                "of 16 bits or as .npy"
            )
        picture.seek(number)
        picture.load()
        if picture.mode in WIDE_GREY:
            codes = np.array(picture)
            key = picture.info.get("transparency")
            return codes, None if key is None else codes == key
        if colour == PNG_GREY and bits < 8 and "transparency" in picture.info:
            # the key is of the file's few bits, the pixels are already spread
            codes = np.array(picture.convert("L"))
            key = picture.info["transparency"] * (OPAQUE // (2**bits - 1))
            return codes, codes == key
        return _grey_of(np.array(picture.convert("RGBA")), path, number)


def _grey_of(channels: np.ndarray, path: Path, number: int) -> Grey:
    """Of red, green, blue and opacity (H, W, 4)."""
    colours, opacity = channels[..., :3], channels[..., 3]
    seen = opacity > 0
    if (seen & (opacity < OPAQUE)).any():
        raise Refusal(
            f"{path}: frame {number} has pixels that are partly transparent, expected wholly or "
            "not at all; what values they have is not known, give the grey or .npy originals"
        )
    if (colours != colours[..., :1]).any(axis=-1)[seen].any():
        raise Refusal(
            f"{path}: frame {number} is coloured, expected grey values; colours have no "
            "physical value here, give the grey or .npy originals"
        )
    return colours[..., 0], None if seen.all() else ~seen


@contextmanager
def _opened(path: Path, part: str = "header") -> Iterator[Image.Image]:
    """The picture; what Pillow raises within the block becomes a Refusal."""
    is_open = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large or sloppy, but it can be read
            with Image.open(path) as picture:
                is_open = True
                yield picture
    except Refusal:
        raise
    except PICTURE_ERRORS as error:
        reason, remedy = one_line(error) or type(error).__name__, "write it again"
        if is_open:
            raise Refusal(f"{path}: {part} cannot be read ({reason}); {remedy}") from None
        reason, remedy = _instead(path) or (reason, remedy)
        raise Refusal(f"{path}: not a readable picture ({reason}); {remedy}") from None


def _instead(path: Path) -> tuple[str, str] | None:
    """What the file is, where that is plain and no picture."""
    try:
        kind = found_instead(path)
    except OSError:
        return None
    return None if kind is None or "picture" in kind[0] else kind


def _png_header(path: Path) -> tuple[int, int]:
    """Bits a channel and kind of colour of a PNG; (8, grey) for others."""
    with path.open("rb") as file:
        head = file.read(26)
    if not head.startswith(b"\x89PNG"):
        return 8, PNG_GREY
    bits, colour = head[PNG_HEADER]
    return bits, colour
