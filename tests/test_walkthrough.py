"""The commands of docs/walkthrough.md, in their order, on a small folder of composites."""

import io
import re
import shlex
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import xarray

from mindcast.settings import load_settings
from tests.data.incoming.files import CRS
from tests.motion.blobs import moving
from tests.smoke.test_smoke import passed_within

PAGE = Path("docs/walkthrough.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MADE = re.compile(r"`((?:sets|runs/mine|verified)/[^` ]+)`")
# what the page has for days of radar -> what takes seconds
SMALL = {
    "[128, 128]": "[32, 32]",
    "target_frames: 20": "target_frames: 5",
    "length: 25": "length: 10",
    "stride: 5": "stride: 1",
    "dim: 32": "dim: 8",
    "[1, 2, 4]": "[1, 2]",
    "max_steps: 200": "max_steps: 2",
    "max_steps: 250": "max_steps: 2",
    "validate_every_steps: 50": "validate_every_steps: 2",
    "{sampler: ddim, steps: 5, members: 8}": "{sampler: ddim, steps: 2, members: 2}",
    "--members 12": "--members 2",
    "members=4": "members=2",
    "{seed: 0}": "{seed: 0, mode: pynative}\nevaluation: {max_samples: 1, figures: 1}",
}
STEP = timedelta(minutes=5)
NEWEST = datetime(2020, 7, 5, 12, 0)  # after all periods of the page


def test_the_settings_of_the_page_are_valid_as_they_stand(tmp_path):
    ((_, block),) = (block for block in BLOCK.findall(PAGE) if block[0] == "yaml")
    (tmp_path / "mine.yaml").write_text(block)
    settings = load_settings(tmp_path / "mine.yaml")
    model, how = settings.model, settings.data.composites
    assert how.tile == model.frame_size
    assert how.length == model.context_frames + model.target_frames
    assert how.pixel_km == settings.data.pixel_km


def small(text):
    for of_page, of_test in SMALL.items():
        text = text.replace(of_page, of_test)
    return text


def write_radar(folder, first, count, begin=0):
    """Cells of up to 60 dBZ on pixels of 2 km, carried one column a frame; one column is unseen."""
    folder.mkdir(exist_ok=True)
    frames = 60 * moving((1, 0), begin + count, side=48, cells=16)[begin:, :32]
    frames[:, :, 0] = np.nan
    y, x = 2000.0 * np.arange(32)[::-1], 2000.0 * np.arange(48)
    for number, frame in enumerate(frames):
        time = first + number * STEP
        data = xarray.Dataset(
            {
                "reflectivity": (
                    ("time", "y", "x"),
                    frame[np.newaxis],
                    {"units": "dBZ", "grid_mapping": "crs"},
                ),
                "crs": ((), 0, CRS),
            },
            {
                "time": ("time", [np.datetime64(time, "ns")]),
                "y": ("y", y, {"units": "m"}),
                "x": ("x", x, {"units": "m"}),
            },
        )
        data.to_netcdf(folder / f"radar_{time:%Y%m%d_%H%M}.nc", engine="h5netcdf")


def done(language, block):
    """What a block of the page prints when its commands are given, or its lines run."""
    if language == "python":
        with redirect_stdout(io.StringIO()) as told:
            exec(block, {})
        return told.getvalue()
    told = ""
    for line in block.splitlines():
        program, script, *words = shlex.split(line)
        assert (program, script) == ("python", "main.py")
        if "verify" in words:  # the page: "when the next frames lie in radar/"
            write_radar(Path("radar"), NEWEST + STEP, 5, begin=6)
        told += passed_within(*words)
    return told


def promised(line):
    """The pattern of a line of output as the page shows it; "..." is anything."""
    return ".*".join(map(re.escape, line.split("...")))


@pytest.mark.slow
def test_the_page_leads_from_radar_files_to_scores(tmp_path, monkeypatch):
    for of_page in SMALL:
        assert of_page in PAGE
    monkeypatch.chdir(tmp_path)
    # a day of each period of the page: five windows of ten frames in every tile
    for day in (1, 3, 4):
        write_radar(tmp_path / "radar", datetime(2020, 7, day, 12, 0), 14)
    write_radar(tmp_path / "radar", NEWEST - 5 * STEP, 6)
    told, modes = "", []
    for language, block in BLOCK.findall(PAGE):
        if language == "yaml":
            (tmp_path / "mine.yaml").write_text(small(block))
        elif language == "text":
            for line in block.splitlines():
                assert re.search(promised(line), told), f"{line}\nis not in\n{told}"
        else:
            modes += re.findall(r"--mode (\w+)", block)
            told = done(language, small(block))
    assert modes == ["prepare", "train", "test", "predict", "verify"]
    named = set(MADE.findall(PAGE))
    assert len(named) > 12
    for path in sorted(named):
        assert list(tmp_path.glob(path.replace("<time>", "20200705T1200"))), path
    assert (tmp_path / "mine.nc").is_file()
