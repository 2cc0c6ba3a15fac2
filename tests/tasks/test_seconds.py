from contextlib import suppress

import pytest

from mindcast.tasks import seconds
from mindcast.tasks.seconds import Seconds


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; `clock(3)` lets three seconds pass."""
    now = [0.0]
    monkeypatch.setattr(seconds.time, "monotonic", lambda: now[0])

    def passes(amount):
        now[0] += amount

    return passes


def test_each_part_counts_its_own_time_alone(clock):
    spent = Seconds()
    with spent.part("write"):
        clock(1)
        with spent.part("sample"):
            clock(5)
        clock(2)
    with spent.part("sample"):
        clock(1)
    assert spent.of == {"write": 3, "sample": 6}


def test_the_making_of_items_is_counted_and_not_what_is_done_with_them(clock):
    def items():
        for number in range(2):
            clock(4)
            yield number
        clock(1)

    spent = Seconds()
    for _ in spent.each("sample", items()):
        clock(10)
    assert spent.of == {"sample": 9}


def test_a_part_that_fails_is_counted_too(clock):
    def fails():
        clock(2)
        raise KeyError

    spent = Seconds()
    with suppress(KeyError), spent.part("read"):
        fails()
    assert spent.of == {"read": 2}


def test_no_more_is_moved_than_there_is(clock):
    spent = Seconds()
    with spent.part("sample"):
        clock(5)
    spent.move(2, "sample", "compile")
    assert spent.of == {"sample": 3, "compile": 2}
    spent.move(9, "sample", "compile")
    assert spent.of == {"sample": 0, "compile": 5}
