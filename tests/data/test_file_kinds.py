import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from mindcast.data.file_kinds import found_instead, hdf5_trouble


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.nc", b"CDF\x01")
    return held.getvalue()


def _tar() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.nc"))
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (_zip(), "a ZIP archive"),
        (gzip.compress(b"x"), "compressed with gzip"),
        (_tar(), "a tar archive"),
        (b"  <!DOCTYPE html><html>", "a web page (of an error or a log-in?)"),
        (b"", "empty"),
        (bytes(600), "nothing but zeros"),
        (b"not found\n", "text"),
        (b"GRIB\x00\x01", "a GRIB file"),
    ],
    ids=["zip", "gzip", "tar", "page", "empty", "zeros", "text", "grib"],
)
def test_a_wrong_file_is_named_by_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    found = found_instead(path)
    assert found is not None
    assert found[0] == kind


def test_what_is_unknown_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(b"\xfe\x01\x02\x80")
    assert found_instead(path) is None


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("unable to lock file, errno = 11", "h5clear"),
        ("required filter 'blosc' is not registered", "h5repack"),
        ("Can't synchronously read data (can't open directory (/usr/lib/plugin))", "h5repack"),
        ("truncated file: eof = 100", "fetch it again"),
    ],
)
def test_hdf5_errors_name_a_way_out(words: str, remedy: str) -> None:
    assert remedy in hdf5_trouble(OSError(words))[1]
