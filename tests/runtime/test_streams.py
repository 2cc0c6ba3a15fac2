import os
import subprocess
import sys

import pytest

from mindcast.runtime.streams import one_line

BEGIN = "import os, sys; from mindcast.runtime import streams; streams.secure()\n"
WORK = "for n in range(20000): print('line', n)\nprint('é\\u2028\\udcff', file=sys.stderr)\n"
LAST = "open({path!r}, 'w').write('done')\n"


def run(shell, program, tmp_path, **environment):
    """What the program leaves, with its streams as the shell line makes them, and its exit code."""
    script, kept = tmp_path / "program.py", tmp_path / "kept"
    script.write_text(BEGIN + program + LAST.format(path=str(kept)))
    command = shell.format(program=f"{sys.executable} {script}")
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return kept.read_text() if kept.exists() else None, result.returncode, result.stderr


@pytest.mark.parametrize(
    "shell",
    [
        "{program} | head -1",
        "{program} 2>&1 | true",
        "{program} >&-",
        "{program} 2>&-",
        "{program} >&- 2>&-",
        "{program} <&- >&- 2>&-",
        "{program} >/dev/full",
        "{program} 2>/dev/full",
        "{program} >/dev/full 2>/dev/full",
    ],
)
def test_work_goes_on_whatever_takes_its_output(shell, tmp_path):
    kept, code, complained = run(shell, WORK, tmp_path)
    assert (kept, code) == ("done", 0)
    assert "Error" not in complained


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(closed, tmp_path):
    data = tmp_path / "data"
    program = (
        f"f = open({str(data)!r}, 'w')\nassert f.fileno() > 2\n"
        "os.write(1, b'from C'); os.write(2, b'from C'); print('x'); print('y', file=sys.stderr)\n"
        "sys.stdout.flush(); f.write('numbers'); f.close()\n"
    )
    kept, code, _ = run("{program} " + closed, program, tmp_path)
    assert (kept, code) == ("done", 0)
    assert data.read_text() == "numbers"


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX"}])
def test_characters_that_the_terminal_lacks_are_written_in_another_way(environment, tmp_path):
    program = "print('\\u00e9\\udcff'); sys.stdout.flush(); print('\\u2192', file=sys.stderr)\n"
    kept, code, complained = run("{program}", program, tmp_path, **environment)
    assert (kept, code) == ("done", 0)
    assert complained in ("\\u2192\n", "→\n")


def test_what_was_printed_before_is_kept_and_order_and_buffering_stay(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("print('first')\n" + BEGIN + "print('second')\nprint(sys.stdout.encoding)")
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert result.stdout.splitlines() == ["first", "second", "utf-8"]


def test_a_line_stays_one_line():
    assert one_line("a\nb\x1b[2J é \udcff\u2028") == "a\\nb\\x1b[2J é \\udcff\\u2028"
