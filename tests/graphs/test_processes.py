import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# MindSpore takes the first argument for a script that it could read: here there is none
COMMAND = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import process"


def begun(folder, order="step-first"):
    command = [sys.executable, "-c", COMMAND, str(folder), order]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    """The numbers, and how many graphs were kept ones of how many."""
    told, failed = process.communicate()
    assert process.returncode == 0, failed[-2000:]
    numbers, graphs = told.splitlines()
    return numbers, tuple(map(int, graphs.split()[1:]))


def test_processes_share_graphs_and_numbers_whatever_happens_to_the_folder(tmp_path):
    folder = tmp_path / "graphs"
    plain, (_, kept) = ended(begun(""))
    assert kept == 0
    together = [begun(folder), begun(folder, "forward-first")]  # two that write at once
    for process in together:
        numbers, _ = ended(process)
        assert numbers == plain
    assert len(list(folder.glob("*.graph"))) == 2
    assert ended(begun(folder, "forward-first")) == (plain, (2, 2))
    for entry in folder.glob("*.graph"):  # as a writer leaves it that was killed
        entry.write_bytes(entry.read_bytes()[:1000])
    assert ended(begun(folder)) == (plain, (2, 0))
    assert ended(begun(folder)) == (plain, (2, 2))
    assert [path.suffix for path in folder.iterdir()] == [".graph", ".graph"]
