import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from mindcast.refusal import Refusal
from mindcast.runtime.run_lock import FILES, HOLDER, locked

HOLD = """
import os, sys, time
from pathlib import Path
from mindcast.runtime.run_lock import locked
with locked(Path(sys.argv[1]), "run", ""):
    if len(sys.argv) > 2 and os.fork() == 0:  # a data worker, which outlives its parent
        time.sleep(60)
        os._exit(0)
    print("ready", flush=True)
    time.sleep(60)
"""


def take(folder):
    with locked(folder, f"--out {folder}", "choose another"):
        pass


@pytest.fixture
def hold(tmp_path):
    """Starts a process that holds the lock of the folder."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-c", HOLD, str(tmp_path), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_second_writer_is_refused_at_once_and_told_who_is_first(tmp_path, hold):
    first = hold()
    os.kill(first.pid, signal.SIGSTOP)  # thought dead, but it will write again
    begun = time.monotonic()
    with pytest.raises(Refusal) as caught:
        take(tmp_path)
    assert time.monotonic() - begun < 1
    who = f"process {first.pid} on {socket.gethostname()}, since 20"
    assert str(caught.value).startswith(f"--out {tmp_path}: is in use by {who}")
    assert str(caught.value).endswith(" UTC; choose another")


@pytest.mark.parametrize("arguments", [(), ("with a worker",)])
def test_the_lock_of_a_killed_process_does_not_last(tmp_path, hold, arguments):
    process = hold(*arguments)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    take(tmp_path)


def test_a_lock_is_given_back_and_can_be_taken_again(tmp_path):
    for _ in range(2):
        take(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= set(FILES)
    assert not (tmp_path / HOLDER).exists()


def test_a_holder_that_is_not_known_is_another_process(tmp_path, hold):
    hold()
    (tmp_path / HOLDER).unlink()
    with pytest.raises(Refusal, match="is in use by another process; choose another"):
        take(tmp_path)


NO_FLOCK = """
import fcntl, errno
def refuse(*_):
    raise OSError(errno.{}, "cannot lock")
fcntl.flock = refuse
"""


@pytest.mark.parametrize("why", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_where_flock_is_unknown_as_on_some_network_disks_the_lock_holds_too(tmp_path, why):
    code = f"{NO_FLOCK.format(why)}\n{HOLD}"
    command = [sys.executable, "-c", code, str(tmp_path)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"ready\n"
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert f"run: is in use by process {first.pid}" in second.stderr
        first.kill()  # the file of the lock stays, its holder is gone
        first.wait()
        third = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert third.stdout.readline() == b"ready\n"
        third.kill()
        third.wait()
        third.stdout.close()
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
