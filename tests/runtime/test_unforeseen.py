import re
import tempfile
from pathlib import Path

import pytest

from mindcast.runtime import unforeseen
from mindcast.runtime.leaving import guarded

LINE = re.compile(
    r"mindcast: unexpected (\w+): (.*); the traceback is in (\S+), please report it\n"
)


def deep():
    return deep()


def fail(error):
    raise error


PLACE = f"test_unforeseen.py, line {fail.__code__.co_firstlineno + 1}, fail"


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    monkeypatch.delenv(unforeseen.SHOWN, raising=False)
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.mark.parametrize(
    ("work", "name", "words"),
    [
        (lambda: fail(KeyError("sky")), "KeyError", "'sky'"),
        (lambda: fail(ValueError("one\ntwo")), "ValueError", "one"),
        (lambda: fail(RuntimeError()), "RuntimeError", PLACE),
        (lambda: fail(MemoryError()), "MemoryError", PLACE),
        (lambda: fail(OSError(28, "No space left")), "OSError", "[Errno 28] No space left"),
        (deep, "RecursionError", "maximum recursion depth exceeded"),
        (lambda: fail(BaseException("panic")), "BaseException", "panic"),
    ],
)
def test_any_error_becomes_one_line_that_names_the_file_with_the_traceback(
    work, name, words, capsys, tmp_path
):
    assert guarded(work) == 70
    found = LINE.fullmatch(capsys.readouterr().err)
    assert found
    assert found.group(1, 2) == (name, words)
    path = Path(found.group(3))
    assert path.parent == tmp_path / "here"
    assert "Traceback (most recent call last)" in path.read_text()
    assert f"{name}" in path.read_text()


def test_nothing_is_overwritten(capsys, tmp_path):
    for _ in range(3):
        guarded(lambda: fail(KeyError("sky")))
    assert (
        len({LINE.fullmatch(f"{line}\n").group(3) for line in capsys.readouterr().err.splitlines()})
        == 3
    )
    assert len(list((tmp_path / "here").iterdir())) == 3


def full(folder, content):
    raise OSError(28, "No space left on device")


def test_where_the_folder_is_gone_the_temporary_one_serves(capsys, tmp_path):
    (tmp_path / "here").rmdir()
    assert guarded(lambda: fail(KeyError("sky"))) == 70
    path = Path(LINE.fullmatch(capsys.readouterr().err).group(3))
    assert path.parent == tmp_path / "temporary"


def test_on_a_full_disk_the_line_names_the_place_instead(capsys, monkeypatch):
    monkeypatch.setattr(unforeseen, "_write", full)
    assert guarded(lambda: fail(KeyError("sky"))) == 70
    assert capsys.readouterr().err == (
        f"mindcast: unexpected KeyError: 'sky' ({PLACE}); the traceback "
        "cannot be kept (No space left on device), MINDCAST_TRACEBACK=1 shows it\n"
    )


def test_a_half_written_file_is_taken_away(monkeypatch, tmp_path):
    full = open
    monkeypatch.setattr(unforeseen, "open", lambda *_: full("/dev/full", "wb"), raising=False)
    with pytest.raises(OSError, match="No space left"):
        unforeseen._write(tmp_path / "here", b"text")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_variable_has_the_traceback_printed(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(unforeseen.SHOWN, "1")
    assert guarded(lambda: fail(KeyError("sky"))) == 70
    text = capsys.readouterr().err
    assert text.startswith("Traceback")
    assert text.endswith("mindcast: unexpected KeyError: 'sky'; please report it\n")
    assert list((tmp_path / "here").iterdir()) == []
