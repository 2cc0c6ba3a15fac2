"""What a file is that could not be read, by its first bytes and by what HDF5 reports of it.

So a refusal can name the way out: the most common wrong file is a ZIP or a web page that bears the
name of the data.
"""

from __future__ import annotations

import re
from pathlib import Path

from mindcast.refusal import one_line

# first bytes -> what it is, and what to do with it
KINDS = {
    b"PK\x03\x04": ("a ZIP archive", "unpack it and give the files in it"),
    b"\x1f\x8b": ("compressed with gzip", "unpack it with gunzip"),
    b"BZh": ("compressed with bzip2", "unpack it with bunzip2"),
    b"\xfd7zXZ\x00": ("compressed with xz", "unpack it with unxz"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it with unzstd"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it and give the files in it"),
    b"Rar!": ("a RAR archive", "unpack it and give the files in it"),
    b"GRIB": ("a GRIB file", "turn it into NetCDF first (cdo -f nc4 copy IN OUT)"),
    b"BUFR": ("a BUFR file", "turn it into the format that is expected"),
    b"CDF": ("a classic NetCDF file", "turn it into the format that is expected"),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", "turn it into the format that is expected"),
    b"\x0e\x03\x13\x01": ("an HDF4 file", "turn it into NetCDF or HDF5 first (h4toh5)"),
    b"\x93NUMPY": ("a NumPy array", "turn it into the format that is expected"),
    b"%PDF": ("a PDF document", "fetch the data themselves"),
    b"\x89PNG": ("a PNG picture", "give the data themselves"),
    b"GIF8": ("a GIF picture", "give the data themselves"),
    b"\xff\xd8\xff": ("a JPEG picture", "give the data themselves"),
    b"version https://git-lfs": ("a Git LFS pointer", "fetch the file itself with git lfs pull"),
}
PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
TAR_MAGIC = slice(257, 262)

# what HDF5 reports -> what it means, and what to do
HDF5_REASONS = (
    (
        r"unable to lock file|already open for write",
        "another program is writing it, or was killed while it did",
        "wait for that, or run h5clear -s on the file",
    ),
    (
        r"filter '?([\w .-]*)'?.*(?:not registered|not available)|can't open.*filter|"
        r"unable to (?:find|load).*filter|can't open directory|plugin",
        "packed with a filter that this HDF5 lacks",
        "repack it with h5repack -f GZIP=4 where that filter is at hand",
    ),
    (r"permission denied", "no permission to read it", "ask for that, or copy the file"),
)


def found_instead(path: Path) -> tuple[str, str] | None:
    """What a file is ("a ZIP archive") and what to do with it; None where that is not plain.

    OSError where it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "empty", "fetch it again"
    for magic, kind in KINDS.items():
        if head.startswith(magic):
            return kind
    if head[TAR_MAGIC] == b"ustar":
        return "a tar archive", "unpack it and give the files in it"
    if PAGE.match(head):
        return "a web page (of an error or a log-in?)", "look at it and fetch the data again"
    if not head.strip(b"\0"):
        return "nothing but zeros", "fetch it again"
    try:
        head.decode("ascii")
    except UnicodeDecodeError:
        return None
    return "text", "look at it and fetch the data again"


def hdf5_trouble(error: BaseException) -> tuple[str, str]:
    """Why HDF5 or NetCDF failed, in one line, and what to do; by default: truncated."""
    text = one_line(error)
    for pattern, reason, remedy in HDF5_REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return reason, remedy
    return text[:200] or type(error).__name__, "it may be truncated, fetch it again"
