import json

import pytest

from mindcast.refusal import Refusal
from mindcast.runtime import run_log


def record(stage, step, kind="train"):
    return {"stage": stage, "kind": kind, "step": step}


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def logged(path, *records):
    for one in records:
        run_log.append(path, one)


def test_later_steps_of_a_stage_are_taken_out_and_all_else_stays(tmp_path):
    path = tmp_path / "log.jsonl"
    kept = [record("vae", 9), record("fit", 2), record("fit", 2, "validation"), record("late", 7)]
    logged(path, *kept[:2], record("fit", 3), *kept[2:], record("fit", 4, "validation"))
    run_log.forget_after(path, "fit", 2)
    assert read(path) == kept
    assert [p.name for p in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_stage_that_never_was_saved_has_no_records_left(tmp_path):
    path = tmp_path / "log.jsonl"
    logged(path, record("vae", 9), record("fit", 1), record("fit", 2))
    run_log.forget_after(path, "fit", 0)
    assert read(path) == [record("vae", 9)]


@pytest.mark.parametrize("torn", ['{"stage": "fit", "st', '{"stage"', "\x00\x00", "12\n"])
def test_a_line_that_a_killed_writer_left_is_taken_out(tmp_path, torn):
    path = tmp_path / "log.jsonl"
    logged(path, record("fit", 1))
    with path.open("a") as file:
        file.write(torn)
    run_log.forget_after(path, "fit", 1)
    logged(path, record("fit", 2))
    assert read(path) == [record("fit", 1), record("fit", 2)]


def test_a_log_with_nothing_to_forget_is_not_touched(tmp_path):
    path = tmp_path / "log.jsonl"
    run_log.forget_after(path, "fit", 3)
    assert not path.exists()
    logged(path, record("fit", 1))
    before = path.stat()
    run_log.forget_after(path, "fit", 1)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(Refusal, match=r"log\.jsonl: cannot be written .* continue with --resume"):
        run_log.append(tmp_path / "log.jsonl", record("fit", 1))
