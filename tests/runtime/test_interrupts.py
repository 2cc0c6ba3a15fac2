import os
import re
import signal
import subprocess
import sys
import time

import pytest

from mindcast.runtime.interrupts import Interrupts, asked, explained
from mindcast.runtime.leaving import NOTHING_BEGUN

DOOR = """
import os, signal, sys, time
from mindcast.runtime import interrupts, streams
from mindcast.runtime.leaving import guarded, leave
from mindcast.refusal import Refusal
streams.secure()
def send(number, times=1):
    for _ in range(times):
        os.kill(os.getpid(), number)
def main():
    interrupts.watch()
{work}
    return 0
leave(guarded(main))
"""
SLEEP = "    print('ready', flush=True)\n    for _ in range(600): time.sleep(0.05)\n"
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
LINE = f"mindcast: interrupted. {NOTHING_BEGUN}\n"


def start(work):
    program = DOOR.format(work=work)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program], **pipes)


def ready(work=SLEEP):
    process = start(work)
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process):
    _, complained = process.communicate(timeout=30)
    return process.returncode, complained


@pytest.mark.parametrize("name", CODES)
def test_a_signal_is_one_line_and_its_own_exit_code(name):
    process = ready()
    process.send_signal(getattr(signal, name))
    assert ended(process) == (CODES[name], LINE)


def test_a_signal_that_comes_before_anything_is_imported_is_not_lost(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from mindcast.runtime import interrupts as i; i.hold()\n"
            "import os, signal; os.kill(os.getpid(), signal.SIGTERM)\n"
            "from mindcast.__main__ import run; run()",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert ended(process) == (143, LINE)


@pytest.mark.parametrize(
    "made",
    [
        "RuntimeError('load_checkpoint failed')",
        "Refusal('not a whole checkpoint')",
        "ImportError('initialization failed')",
    ],
)
def test_what_a_library_makes_of_an_interrupt_is_reported_as_the_interrupt(made):
    work = (
        "    try:\n        send(signal.SIGINT)\n        time.sleep(9)\n"
        f"    except KeyboardInterrupt:\n        raise {made} from None\n"
    )
    assert ended(start(work)) == (130, LINE)


def test_an_error_after_a_signal_that_work_only_notes_is_that_error():
    work = (
        "    with interrupts.Interrupts() as noted:\n        send(signal.SIGTERM)\n"
        "        while not noted.asked: time.sleep(0.01)\n"
        "        raise Refusal('disk: full')\n"
    )
    assert ended(start(work)) == (2, "mindcast: disk: full\n")


def test_an_interrupt_in_a_destructor_is_not_lost():
    work = (
        "    class Dying:\n        def __del__(self):\n            send(signal.SIGINT)\n"
        "            time.sleep(0.3)\n"
        "    one = Dying()\n    del one\n    time.sleep(9)\n"
    )
    assert ended(start(work)) == (130, LINE)


def test_handlers_that_others_put_in_place_do_not_hear_the_signal():
    # as MindSpore does, whose handler of SIGINT sends SIGTERM: in C, where Python does not see it
    work = (
        "    import ctypes\n"
        "    libc = ctypes.CDLL(None)\n"
        "    for number in (2, 15): libc.signal(number, None)\n"
    )
    process = ready(work + SLEEP)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, LINE)


STUCK = """    import ctypes
    libc, semaphore = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.sem_init(semaphore, 0, 0)
    with interrupts.Interrupts() as noted:
        print('ready', flush=True)
        libc.sem_wait(semaphore)
"""


@pytest.mark.slow
def test_a_second_ctrl_c_ends_what_hears_nothing():
    process = ready(STUCK)
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    code, complained = ended(process)
    assert code == 130
    assert complained == "mindcast: interrupted. Stopped at once; what was saved before stands.\n"


def test_a_signal_sent_twice_at_once_counts_as_one():
    work = (
        "    with interrupts.Interrupts() as noted:\n        send(signal.SIGINT)\n"
        "        time.sleep(0.1)\n        send(signal.SIGINT)\n        time.sleep(0.3)\n"
        "        print('saved', noted.asked, file=sys.stderr)\n"
    )
    assert ended(start(work)) == (0, "saved True\n")


def test_a_signal_that_is_ignored_from_the_start_stays_ignored():
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", DOOR.format(work=SLEEP)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    code, complained = ended(process)
    assert code == 143
    assert complained.endswith(LINE)


def test_a_forked_reader_is_ended_by_sigterm_and_left_alone_by_ctrl_c():
    work = (
        "    child = os.fork()\n"
        "    if not child:\n        time.sleep(60)\n        os._exit(9)\n"
        "    os.kill(child, signal.SIGINT)\n    time.sleep(0.3)\n"
        "    assert os.waitpid(child, os.WNOHANG) == (0, 0)\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr)\n"
    )
    assert ended(start(work)) == (0, "-15\n")


def test_a_program_that_is_started_as_usual_can_be_ended():
    work = (
        "    import subprocess\n"
        "    with interrupts.as_usual():\n        child = subprocess.Popen(['sleep', '60'])\n"
        "    child.terminate()\n    print(child.wait(), file=sys.stderr)\n"
    )
    assert ended(start(work)) == (0, "-15\n")


def test_a_signal_when_all_is_done_changes_nothing():
    work = "    import atexit\n    atexit.register(lambda: (send(signal.SIGTERM), time.sleep(1)))\n"
    assert ended(start(work)) == (0, "")


def test_the_line_comes_after_all_that_was_printed(tmp_path):
    work = "    print('a picture')\n    send(signal.SIGTERM)\n    time.sleep(5)\n"
    with open(tmp_path / "log", "w") as log:
        command = [sys.executable, "-c", DOOR.format(work=work)]
        assert subprocess.run(command, stdout=log, stderr=log, check=False).returncode == 143
    assert (tmp_path / "log").read_text() == f"a picture\n{LINE}"


def test_without_a_watch_a_noted_signal_is_known_to_its_block_alone():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as noted:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
    assert noted.asked
    assert asked() is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_without_a_text_is_given_one():
    with (
        pytest.raises(KeyboardInterrupt, match=re.escape("a file stands")),
        explained(lambda: "a file stands"),
    ):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt, match="saved"), explained(lambda: "a file stands"):
        raise KeyboardInterrupt("saved")
    with pytest.raises(KeyError), explained(lambda: "a file stands"):
        raise KeyError
