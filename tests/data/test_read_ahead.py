import os
import signal
import time
from contextlib import suppress

import psutil
import pytest

from mindcast.data import open_split
from mindcast.data.pipeline import Batches
from mindcast.data.read_ahead import ReadAhead
from mindcast.models.base import Patch
from mindcast.refusal import Refusal
from mindcast.settings import load_settings
from tests.data.test_pipeline import assert_equal


def tenfold(number):
    if number == 13:
        raise Refusal("thirteen is refused")
    if number == 14:
        raise KeyError("fourteen")
    return 10 * number


def tasks(count):
    return [(number,) for number in range(count)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_their_tasks(workers):
    ahead = ReadAhead(tenfold, workers)
    for count in (0, 1, 2, 7):
        assert list(ahead.results(tasks(count))) == [10 * number for number in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_that_were_not_taken_do_not_turn_up_later(workers):
    ahead = ReadAhead(tenfold, workers)
    first = ahead.results(tasks(9))
    assert next(first) == 0
    first.close()
    assert list(ahead.results([(7,), (8,)])) == [70, 80]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_tasks_are_begun_than_workers_and_one(workers):
    begun = []

    def counted():
        for number in range(10):
            begun.append(number)
            yield (number,)

    results = ReadAhead(tenfold, workers).results(counted())
    next(results)
    assert begun == list(range(workers + 1))
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_refusal_arrives_as_it_was_and_reading_can_go_on(workers):
    ahead = ReadAhead(tenfold, workers)
    with pytest.raises(Refusal, match=r"^thirteen is refused$"):
        list(ahead.results([(13,), (1,), (2,)]))
    assert list(ahead.results(tasks(3))) == [0, 10, 20]


def test_any_other_error_of_a_process_names_its_place():
    with pytest.raises(RuntimeError, match="KeyError: 'fourteen'"):
        list(ReadAhead(tenfold, 2).results([(14,)]))


def children():
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one that another test has left just now
            if "read_ahead" in str(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_is_refused_by_its_signal(victim):
    before = children()
    ahead = ReadAhead(tenfold, 2)
    results = ahead.results(tasks(50))
    next(results)
    processes = sorted((c for c in children() if c not in before), key=lambda child: child.pid)
    assert len(processes) == 2
    os.kill(processes[victim].pid, signal.SIGKILL)
    with pytest.raises(Refusal, match=r"data\.workers = 2: .* by SIGKILL \(out of me"):
        list(results)
    assert list(ahead.results(tasks(3))) == [0, 10, 20]  # by new ones


class Interrupted(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_amid_a_result_leaves_nothing_to_wait_for(workers, monkeypatch):
    def interrupted(connection):
        connection._recv(1)  # a part of what is under way
        raise Interrupted

    ahead = ReadAhead(tenfold, workers)
    results = ahead.results(tasks(50))
    next(results)
    with monkeypatch.context() as patched:
        patched.setattr("mindcast.data.read_ahead.Connection.recv", interrupted)
        patched.setattr("mindcast.data.read_ahead.Future.result", lambda _: interrupted_future())
        with pytest.raises(Interrupted):
            list(results)
    assert list(ahead.results(tasks(3))) == [0, 10, 20]


def interrupted_future():
    raise Interrupted


def test_processes_end_with_what_they_read_for():
    before = children()
    ahead = ReadAhead(tenfold, 2)
    assert list(ahead.results(tasks(2))) == [0, 10]
    begun = [child for child in children() if child not in before]
    del ahead
    deadline = time.monotonic() + 5
    while any(child.is_running() for child in begun) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(child.is_running() for child in begun)


def test_processes_that_cannot_start_are_refused(monkeypatch):
    def none_left(*arguments, **options):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", none_left)
    with pytest.raises(Refusal, match=r"data\.workers = 2: .* cannot start \(Resource tempor"):
        next(ReadAhead(tenfold, 2).results(tasks(1)))


@pytest.mark.slow
def test_fields_of_temperature_are_read_by_processes_as_by_a_thread(tmp_path):
    overrides = [f"data.root_dir={tmp_path / 'made'}", "data.grid_size=[24,32]", "data.states=4"]
    data = load_settings("configs/smoke/geodiff.yaml", overrides).data
    fields = open_split(data, "train", Patch((1000.0, 850.0), 2, (8, 8)))
    alone, several = (
        [
            (keys, sample.named["temperature_lr"])
            for keys, sample in Batches(fields, 2, 0, workers=workers).epoch(0)
        ]
        for workers in (1, 2)
    )
    assert len(alone) > 2
    assert_equal(several, alone)
