import pytest

from mindcast.graphs.keeping import Keeper, Kept
from mindcast.graphs.store import Store


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """A keeper with no graphs yet."""
    monkeypatch.setattr(Kept, "keeper", Keeper(Store(tmp_path / "graphs", 1 << 26)))
    return Kept.keeper
