import logging
from types import SimpleNamespace

import pytest

from mindcast.compiled import COMPILING
from mindcast.training.progress import Progress


@pytest.mark.parametrize("disabled", ["", "1"])
def test_the_first_step_is_told_of_once_whether_a_bar_shows_or_not(
    disabled, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("TQDM_DISABLE", disabled)
    folder = SimpleNamespace(tensorboard=tmp_path)
    with Progress(folder, "joint", 3, 9) as progress, caplog.at_level(logging.INFO):
        monkeypatch.setattr(COMPILING, "graphs", COMPILING.graphs + 2)
        for _ in range(3):
            progress.advance()
    assert [r.getMessage() for r in caplog.records if "first step" in r.getMessage()] == [
        m for m in caplog.messages if m.startswith("joint first step") and "(2 graphs" in m
    ]
    assert len(caplog.messages) == 1
