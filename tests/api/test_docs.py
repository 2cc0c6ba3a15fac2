import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.api.test_nowcaster import SIZE, codes, dataarray
from tests.commands.test_memory import CHANGES
from tests.data.temperature.files import dataset, write
from tests.untrained import untrained_run

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_page_s_commands_run(tmp_path, monkeypatch, nowcast_run):
    text = Path("docs/python.md").read_text(encoding="utf-8")
    shutil.copytree(nowcast_run, tmp_path / "runs" / "a")
    untrained_run(tmp_path / "runs" / "geo", "geodiff", CHANGES)
    write(dataset(times=1), tmp_path / "coarse.nc")
    monkeypatch.chdir(tmp_path)
    frames = codes() / 5
    given = {
        "frames": frames,
        "radar": dataarray(frames),
        "precip": np.where(frames > 0, 5.0, -15.0),
        "velocity": np.zeros((2, *SIZE)),
    }
    first, *others = BLOCK.findall(text)
    exec(first, given)
    for block in others:
        exec(block.replace(", 12, n_ens", ", 6, n_ens").replace("members=20", "members=2"), given)
    assert given["forecast"].sizes["realization"] == 8
    assert given["nowcast"].shape == (2, 6, *SIZE)
    assert (tmp_path / "forecast.nc").is_file()
