import logging
from contextlib import suppress

import pytest

from mindcast.refusal import Refusal
from mindcast.runtime.logging import open_log


@pytest.fixture(autouse=True)
def _loggers_kept(monkeypatch):
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers[:] = []
    monkeypatch.setattr(logging, "raiseExceptions", True)
    yield
    for handler in root.handlers:
        with suppress(OSError):
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_goes_to_the_file_and_to_the_terminal_once(tmp_path, capsys):
    open_log(tmp_path / "run.log")
    open_log(tmp_path / "run.log").info("step %d", 3)
    assert (tmp_path / "run.log").read_text().count("step 3") == 1
    assert capsys.readouterr().err.count("step 3") == 1


def test_a_log_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "run.log").mkdir()
    with pytest.raises(Refusal, match=r"run\.log: cannot be written \(Is a directory\); free some"):
        open_log(tmp_path / "run.log")


def test_a_line_that_finds_the_disk_full_is_dropped_without_a_traceback(tmp_path, capsys):
    (tmp_path / "run.log").symlink_to("/dev/full")
    for _ in range(2):
        open_log(tmp_path / "run.log").info("step 3")
    assert "Error" not in capsys.readouterr().err
