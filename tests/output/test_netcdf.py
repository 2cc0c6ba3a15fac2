import json
from pathlib import Path

import numpy as np
import pytest
import xarray

from mindcast.output.netcdf import attributes, write_netcdf
from mindcast.refusal import Refusal

PROVENANCE = {
    "model": "a model",
    "checkpoints": {"last": {"path": Path("runs/a/best.ckpt"), "step": 9}},
    "sampler": "ddim",
    "steps": np.int64(50),
    "seed": 7,
    "settings": {"data": {"factor": 4}},
}


def dataset(values=None):
    values = np.zeros((1, 3)) if values is None else values
    time = np.array(["2020-06-01T06:00"], "M8[ns]")
    return xarray.Dataset({"t": (("time", "x"), values)}, {"time": ("time", time)})


def test_the_file_names_what_made_it():
    found = attributes(PROVENANCE, "A title")
    assert (found["Conventions"], found["title"]) == ("CF-1.11", "A title")
    assert found["source"] == "a model"
    assert found["history"].endswith(
        " made by model a model, checkpoints.last.path runs/a/best.ckpt, "
        "checkpoints.last.step 9, sampler ddim, steps 50, seed 7"
    )
    assert json.loads(found["provenance"])["settings"] == {"data": {"factor": 4}}


def test_nothing_known_is_no_failure():
    found = attributes({}, "A title")
    assert found["source"] == "unknown model"
    assert found["history"].endswith(" made")


def test_each_note_is_a_line_of_the_history_behind_what_made_the_file():
    found = attributes({"model": "a", "notes": ("thinned to 10 min", "cropped")}, "A title")
    made, *notes = found["history"].splitlines()
    assert made.endswith(" made by model a")
    assert [note.partition(" ")[2] for note in notes] == ["thinned to 10 min", "cropped"]


def test_names_of_files_that_are_no_text_can_be_stored(tmp_path):
    path = Path("radar\udcff.h5")  # how Python holds the byte 255 of a name
    found = attributes({"input": path, "zero": "a\0b"}, "A title")
    for name in ("history", "provenance"):
        assert "udcff" in found[name].encode("utf-8").decode()
        assert "\0" not in found[name]


def test_compression_makes_smooth_fields_small(tmp_path):
    values = np.full((1, 64 * 64 * 9), 260.0)
    write_netcdf(tmp_path / "a.nc", dataset(values))
    assert (tmp_path / "a.nc").stat().st_size < values.nbytes / 4  # half of it as float32
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as found:
        assert found["t"].dtype == np.float32


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.nc: cannot be written"):
        write_netcdf(tmp_path / "taken" / "a.nc", dataset())


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(dataset, path, **_):
        path.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", fail)
    with pytest.raises(Refusal, match="No space left on device"):
        write_netcdf(tmp_path / "a.nc", dataset())
    assert list(tmp_path.iterdir()) == []
