"""Sequences and events beside this repository, made anew out of the composites beside them."""

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest

from mindcast.data import prepare
from mindcast.data.radar.archive.settings import SevirLRSettings
from mindcast.data.radar.sequences.settings import ShanghaiSettings

DATA = Path(__file__).parents[5] / "shared/data"
RADAR = DATA / "radar"

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="the radar composites are not here"),
    pytest.mark.slow,
]


@pytest.mark.parametrize(
    ("split", "number", "source"),
    [("test", 0, "mch/20160711"), ("train", 39, "KNMI/2010/08")],
)
def test_a_sequence_is_made_of_the_files_that_it_names(tmp_path, split, number, source):
    with h5py.File(DATA / "diffcast_h5_like/shanghai_like.h5") as file:
        one = file[f"{split}/{number}"]
        expected, attributes = one[()], dict(one.attrs)
    first = np.datetime64(attributes["first_frame_utc"])
    how = {
        "inputs": [str(RADAR / source)],
        split: [[str(first), str(first + np.timedelta64(125, "m"))]],
        "origins": [attributes["origin_row_col_2km"].tolist()],
        "rain": [[23.7, 0.06], [12.3, 0.1]],
    }
    path = tmp_path / "a.h5"
    prepare(
        ShanghaiSettings(name="shanghai", root_dir=str(path), interval_minutes=5, composites=how)
    )
    with h5py.File(path) as file:
        made = file[f"{split}/0"]
        # rounded alike, but for values that lie half-way
        difference = np.abs(made[()].astype(int) - expected)
        assert made.attrs["first_frame_utc"] == attributes["first_frame_utc"]
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


def test_an_event_is_made_of_the_files_that_it_names(tmp_path):
    with (DATA / "sevir_lr_like/CATALOG.csv").open() as text:
        row = next(r for r in csv.DictReader(text) if r["time_utc"] == "2020-10-31 04:00:00")
    with h5py.File(DATA / "sevir_lr_like/data" / row["file_name"]) as file:
        expected = file["vil"][int(row["file_index"])]
    # 02:00 to 06:00
    how = {
        "inputs": [str(RADAR / "bom/**/66_20201031_0[2-6]*")],
        "origins": [[0, 0]],
        "missing_share": 0.001,
    }
    prepare(
        SevirLRSettings(
            name="sevir_lr",
            root_dir=str(tmp_path / "lr"),
            val_fraction=0,
            start_date="2020-10-31 01:55",
            train_test_split_date="2020-10-31 06:00",
            end_date="2020-10-31 06:00",
            composites=how,
        )
    )
    with h5py.File(tmp_path / "lr/data/vil/2020/COMPOSITES_VIL_2020.h5") as file:
        made = file["vil"][0]
    with (tmp_path / "lr/CATALOG.csv").open() as text:
        (mine,) = csv.DictReader(text)
    # rounded alike, but for values that lie half-way
    difference = np.abs(made.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4
    assert mine["time_utc"] == row["time_utc"]
    for key in ("llcrnrlat", "llcrnrlon", "urcrnrlat", "urcrnrlon"):
        assert float(mine[key]) == pytest.approx(float(row[key]), abs=0.01)
