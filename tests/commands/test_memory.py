"""Predictions in a memory that does not hold all at once."""

import json

import numpy as np
import pytest
import xarray

from mindcast import cli
from mindcast.models import activations
from mindcast.runtime import memory
from tests.data.temperature.files import dataset, write
from tests.untrained import untrained_run

MIB = 1 << 20
# crops of 16 x 16; fine fields of 16 x 24 points are 32 x 48
CHANGES = ("model.levels_hpa=[1000,850,500]", "model.priors.source=available")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    untrained_run(folder / "run", "geodiff", CHANGES)
    write(dataset(times=1), folder / "coarse.nc")
    return folder


def predicted(place, name, *changes):
    """The folder of a prediction: what is in its file and in its record."""
    words = ["--device_target", "CPU", "--mode", "predict", "--out", place / "run"]
    words += ["--input", place / "coarse.nc", "--to", place / name, "--steps", "1"]
    for change in ("evaluation.figures=0", "sampling.batch_size=auto", *changes):
        words += ["--set", change]
    assert cli.main([str(word) for word in words]) == 0
    record = json.loads((place / name / "forecast.json").read_text())
    (path,) = (place / name).glob("*.nc")
    with xarray.open_dataset(path, engine="h5netcdf") as made:
        return made["air_temperature"].values, record


@pytest.mark.slow
def test_a_domain_that_does_not_fit_is_downscaled_as_by_the_tile_that_is_said(
    place, monkeypatch, capsys
):
    # without kernels by the settings a tile of 16 x 16 takes 8 MiB, one of 32 x 32 35, all 55
    monkeypatch.setattr(activations, "library", lambda: None)
    monkeypatch.setattr(memory, "available", lambda device: 40 * MIB)
    made, record = predicted(place, "chosen")
    (note,) = (line for line in capsys.readouterr().out.splitlines() if "do not fit" in line)
    assert note.removeprefix("note: ") in record["notes"]
    assert note.startswith("note: 32 x 48 points do not fit into 20 MiB, 50% of what is free")
    change = note.partition("--set '")[2].rstrip("'")
    assert change == "model.tile={size: [16, 16], overlap: 4}"
    assert record["settings"]["model"]["tile"] == {"size": [16, 16], "overlap": 4}
    by_hand, _ = predicted(place, "by_hand", change)
    np.testing.assert_array_equal(made, by_hand)
    monkeypatch.setattr(memory, "available", lambda device: 40_000 * MIB)
    whole, record = predicted(place, "whole")
    assert record["settings"]["model"]["tile"] is None
    assert not any("do not fit" in line for line in record["notes"])
    assert np.abs(whole - made).max() > 1e-3  # tiles do not see what lies around them


@pytest.mark.slow
def test_a_memory_too_small_for_a_member_is_said_and_makes_the_same_members(place, monkeypatch):
    made = []
    for name, free in (("little", 2 * MIB), ("much", 40_000 * MIB)):
        monkeypatch.setattr(memory, "available", lambda device, free=free: free)
        tile = "model.tile={size: [16, 16], overlap: 4}"
        fields, record = predicted(place, name, tile, "sampling.members=3")
        made.append(fields)
        said = [note for note in record["notes"] if note.startswith("one member needs about")]
        assert len(said) == (name == "little")
    np.testing.assert_allclose(made[0], made[1], atol=1e-3)
