import numpy as np
import pytest

from mindcast.cli import parse
from mindcast.commands.request import present
from mindcast.refusal import Refusal
from mindcast.runtime.parallel import ALONE, World


def test_without_a_cluster_a_process_is_alone_and_leads(monkeypatch):
    monkeypatch.delenv("MS_ROLE", raising=False)
    assert present(parse([])) == ALONE
    assert ALONE.is_leader


def test_a_process_finds_its_place_in_the_variables_of_the_cluster(monkeypatch):
    for name, value in (("MS_ROLE", "MS_WORKER"), ("MS_NODE_ID", "1"), ("MS_WORKER_NUM", "4")):
        monkeypatch.setenv(name, value)
    world = present(parse(["--out", "run"]))
    assert world == World(1, 4)
    assert not world.is_leader
    with pytest.raises(Refusal, match="--out: is needed"):
        present(parse([]))  # each process would name a folder of its own


def test_alone_everything_exchanged_is_what_was_given():
    array = np.array([[1.0, np.nan]], np.float64)
    assert ALONE.sum(array) is array
    assert ALONE.broadcast(array, (1, 2)) is array
    assert ALONE.any(True, False) == (True, False)
    ALONE.barrier()
    ALONE.broadcast_parameters([])
