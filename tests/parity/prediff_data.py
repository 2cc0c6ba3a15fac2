"""Golden file of the SEVIR reader: order of events, samples, shuffling and down-sampling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from mindcast.data import open_split
from mindcast.data.radar.archive.prepare_lr import TIME_STEP, reduce_frames
from mindcast.data.radar.archive.read import Archive
from mindcast.data.radar.archive.settings import SevirLRSettings
from tests.data.radar.windows import Window
from tests.parity.golden import Comparison, GoldenFile

SINGLE_FRAMES = "vae_test/items_"


def data_sevir(golden: GoldenFile) -> Iterator[Comparison]:
    with TemporaryDirectory() as folder:
        write_store(golden, Path(folder))
        yield from samples(golden, Path(folder))
    yield from down_sampling(golden)


def samples(golden: GoldenFile, root: Path) -> Iterator[Comparison]:
    config = golden.json()
    cut = (config["seq_len"], config["stride"])
    train, test = (opened(golden, root, split, *cut) for split in ("train", "test"))
    shuffled = twice_shuffled(len(train.events))
    yield from split_of(golden, "test", test, np.arange(len(test.events)))
    yield from split_of(golden, "train_unshuffled", train, np.arange(len(train.events)))
    yield from split_of(golden, "train", train, shuffled)
    frames = opened(golden, root, "test", 1, 1)
    yield Comparison("vae_test/len", len(frames), golden["vae_test/len"], tolerance=0)
    for key in (key for key in golden if key.startswith(SINGLE_FRAMES)):
        # the reference counts on past the last sample, from the first again
        wanted = [int(i) % len(frames) for i in key.removeprefix(SINGLE_FRAMES).split("_")]
        items = np.stack([frames[i].input.context for i in wanted])
        yield Comparison(key, items, golden[key], tolerance=1e-6)


def split_of(
    golden: GoldenFile, name: str, archive: Archive, order: np.ndarray
) -> Iterator[Comparison]:
    """Everything stored of a split whose events come in the given order."""
    ids = np.array([archive.events[event].id for event in order])
    yield Comparison(f"{name}/event_ids", ids, golden[f"{name}/event_ids"])
    yield Comparison(f"{name}/len", len(archive), golden[f"{name}/len"], tolerance=0)
    indices = (order[:, np.newaxis] * archive.pieces + np.arange(archive.pieces)).ravel()
    items = np.stack([archive[int(i)].input.context for i in indices])
    yield Comparison(f"{name}/items", items, golden[f"{name}/items"], tolerance=1e-6)


def twice_shuffled(events: int) -> np.ndarray:
    """The order after pandas' sample(frac=1, random_state=1), applied two times."""
    once = np.random.RandomState(1).choice(events, size=events, replace=False)
    return once[once]


def down_sampling(golden: GoldenFile) -> Iterator[Comparison]:
    frames = golden["downsample/raw_NHWT"][..., ::TIME_STEP]
    for name, reduction in (("lr_maxpool", "max"), ("runtime_avgpool", "mean")):
        key = f"downsample/{name}_NHWT"
        tolerance = 0 if reduction == "max" else 1e-6
        yield Comparison(key, reduce_frames(frames, reduction), golden[key], tolerance)


def write_store(golden: GoldenFile, root: Path) -> None:
    (root / "CATALOG.csv").write_text(str(golden["catalog_csv"]), encoding="utf-8")
    for name, array in golden.under("raw/").items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["vil"] = array


def opened(golden: GoldenFile, root: Path, split: str, length: int, stride: int) -> Archive:
    """A split whose samples are all context: nothing is cut off as truth."""
    raw = next(iter(golden.under("raw/").values()))
    settings = SevirLRSettings(
        name="sevir_lr",
        root_dir=str(root),
        frame_size=raw.shape[1:3],
        frames_per_event=raw.shape[3],
        train_test_split_date=split_date(golden),
        val_fraction=0.0,
    )
    return open_split(settings, split, Window(length, stride, raw.shape[1:3], context=length))


def split_date(golden: GoldenFile) -> str:
    found = re.search(r"split date (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", golden.json()["note"])
    return found[1] if found else "2019-06-01 00:00:00"


HANDLERS = {"data_sevir": data_sevir}
