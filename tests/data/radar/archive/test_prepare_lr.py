import errno
import os
import shutil

import h5py
import numpy as np
import pytest

from mindcast.data import prepare
from mindcast.data.radar.archive import prepare_lr
from mindcast.data.radar.archive.prepare_lr import prepare_sevir_lr, reduce_frames
from mindcast.refusal import Refusal
from tests.data.radar.archive import archives
from tests.data.radar.archive.archives import row, settings, write_catalogue, write_events

SHAPE = (12, 9, 49)
FILES = ("vil/2018/A.h5", "vil/2019/B.h5")


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    root = tmp_path / "sevir"
    for name in FILES:
        write_events(root, rng.integers(0, 256, (3, *SHAPE), dtype=np.uint8), name)
    rows = [row(f"{n}{i}", i, file=name) for n, name in enumerate(FILES) for i in range(3)]
    write_catalogue(root, [*rows, row("00", image_type="ir069", file="ir069/none.h5")])
    return root


def codes(root, name):
    with h5py.File(root / "data" / name) as file:
        return file["vil"][...]


def made(source, target, **changes):
    prepare_sevir_lr(source, target, source_shape=SHAPE, **changes)
    return target


def refusal(source, target, **changes):
    with pytest.raises(Refusal) as caught:
        made(source, target, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def break_off(monkeypatch, after):
    whole, calls = prepare_lr.reduce_frames, []

    def reduce_frames(*arguments):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(prepare_lr, "reduce_frames", reduce_frames)


def test_blocks_of_nine_pixels_become_their_maximum_or_mean():
    frames = np.arange(18, dtype=np.uint8).reshape(3, 6, 1)
    # left block holds 0..2, 6..8, 12..14: maximum 14, mean 7; the right one is 3 more
    np.testing.assert_array_equal(reduce_frames(frames, "max")[..., 0], [[14, 17]])
    np.testing.assert_array_equal(reduce_frames(frames, "mean")[..., 0], [[7, 10]])


def test_rows_and_columns_that_fill_no_block_are_dropped():
    assert reduce_frames(np.zeros((2, 7, 5, 4), np.uint8), "max").shape == (2, 2, 1, 4)


@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_every_second_frame_is_reduced_into_the_same_layout(source, tmp_path, reduction):
    target = made(source, tmp_path / "lr", reduction=reduction)
    assert (target / "CATALOG.csv").read_bytes() == (source / "CATALOG.csv").read_bytes()
    for name in FILES:
        full = codes(source, name)[..., ::2].reshape(3, 4, 3, 3, 3, 25).astype(float)
        expected = full.max((2, 4)) if reduction == "max" else np.rint(full.mean((2, 4)))
        got = codes(target, name)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)
    with h5py.File(target / "data" / FILES[0]) as file:
        assert file["vil"].chunks == (1, 4, 3, 25)
        assert file["vil"].compression == "gzip"


def test_ids_inside_the_files_are_kept(source, tmp_path):
    with h5py.File(source / "data" / FILES[0], "a") as file:
        file["id"] = np.array([b"a", b"b", b"c"])
    with h5py.File(made(source, tmp_path / "lr") / "data" / FILES[0]) as file:
        assert list(file["id"]) == [b"a", b"b", b"c"]


def test_an_interrupted_run_leaves_whole_files_only_and_can_be_repeated(
    source, tmp_path, monkeypatch
):
    target = tmp_path / "lr"
    with monkeypatch.context() as patch:
        break_off(patch, after=4)  # in the second of three events of the second file
        with pytest.raises(KeyboardInterrupt):
            made(source, target)
    assert [p.name for p in target.rglob("*") if p.is_file()] == ["A.h5"]
    first = (target / "data" / FILES[0]).stat().st_mtime_ns
    made(source, target)
    assert (target / "data" / FILES[0]).stat().st_mtime_ns == first  # kept, not made again
    assert codes(target, FILES[1]).shape == (3, 4, 3, 25)
    assert not list(target.rglob("*.part*"))


def test_the_remains_of_a_killed_run_are_replaced(source, tmp_path):
    part = (tmp_path / "lr" / "data" / FILES[0]).with_name(".A.part.h5")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    target = made(source, tmp_path / "lr")
    assert codes(target, FILES[0]).shape == (3, 4, 3, 25)
    assert not part.exists()


def test_a_finished_archive_can_be_asked_for_again(source, tmp_path, monkeypatch):
    target = made(source, tmp_path / "lr")
    break_off(monkeypatch, after=0)
    made(source, target)


def test_a_file_of_another_reduction_is_refused(source, tmp_path):
    target = made(source, tmp_path / "lr", reduction="max")
    message = refusal(source, target, reduction="mean")
    assert "A.h5: holds something else than (3, 4, 3, 25) events reduced by mean" in message
    assert "(found (3, 4, 3, 25), max)" in message


@pytest.mark.parametrize("content", [b"not HDF5", None])
def test_a_file_that_is_something_else_is_refused_and_kept(source, tmp_path, content):
    target = tmp_path / "lr"
    path = write_events(target, np.zeros((3, 4), np.uint8), FILES[0])
    if content:
        path.write_bytes(content)
    before = path.read_bytes()
    assert "A.h5: holds something else" in refusal(source, target)
    assert path.read_bytes() == before


def test_a_folder_with_another_catalogue_is_refused(source, tmp_path):
    archives.write_archive(tmp_path / "lr")
    assert f"CATALOG.csv: is not the catalogue of {source}" in refusal(source, tmp_path / "lr")


def test_the_source_may_not_be_the_target(source):
    assert "is the source folder too" in refusal(source, source)


def test_frames_of_another_size_are_refused(source, tmp_path):
    with pytest.raises(Refusal, match=r"expected \(events, 384, 384, 49"):
        prepare_sevir_lr(source, tmp_path / "lr")


def test_a_target_that_cannot_be_made_is_refused_with_its_path(source, tmp_path):
    (tmp_path / "file").write_text("")
    message = refusal(source, tmp_path / "file" / "lr")
    assert f"{tmp_path / 'file' / 'lr' / 'data' / FILES[0]}: cannot be written" in message
    assert "Not a directory" in message


def test_too_little_room_is_refused_before_writing(source, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    message = refusal(source, tmp_path / "lr")
    assert "A.h5: cannot be written (0 MiB free" in message
    assert not (tmp_path / "lr").exists()


def test_a_disk_that_fills_up_meanwhile_is_refused(source, tmp_path, monkeypatch):
    def replace(part, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", replace)
    assert "A.h5: cannot be written (No space left on device)" in refusal(source, tmp_path / "lr")
    assert not [p for p in (tmp_path / "lr").rglob("*") if p.is_file()]


def test_prepare_needs_to_know_its_source(tmp_path):
    with pytest.raises(Refusal, match=r"data\.prepare is missing; give data\.prepare\.source_dir"):
        prepare(settings(tmp_path))


def test_prepare_writes_to_the_root_of_the_data_set(source, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        prepare_lr, "prepare_sevir_lr", lambda *given, **options: calls.append((*given, options))
    )
    prepare(settings(tmp_path, prepare={"source_dir": "a", "reduction": "mean"}))
    prepare(settings(tmp_path, prepare={"source_dir": "a", "target_dir": "b"}))
    as_set = {"clip": False, "check_values": True}
    assert calls == [("a", str(tmp_path), "mean", as_set), ("a", "b", "max", as_set)]
