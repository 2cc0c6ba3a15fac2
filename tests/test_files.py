import errno

import pytest

from mindcast.files import (
    check_space,
    complete_folder_or_absent,
    complete_or_absent,
    remove_leftovers,
    write_text,
)
from mindcast.refusal import Refusal


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def no_space(*_):
    raise OSError(errno.ENOSPC, "ignored")


def left_early(path, error):
    """A write that stops halfway, with an exception."""
    with complete_or_absent(path, "make room") as part:
        part.write_text("half")
        raise error


def folder_left_early(path):
    with complete_folder_or_absent(path):
        no_space()


def test_a_file_appears_under_its_name_when_the_block_is_done(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    with complete_or_absent(path) as part:
        part.write_text("half")
        assert not path.exists()
        assert part.suffix == ".csv"
    assert path.read_text() == "half"
    assert names(tmp_path / "deep") == ["a.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError()])
def test_a_block_that_is_left_early_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.csv"
    write_text(path, "old")
    with pytest.raises(type(error)):
        left_early(path, error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.csv"]


def test_what_a_killed_writer_left_is_replaced_whatever_its_rights_and_ending(tmp_path):
    path = tmp_path / "a.ckpt"
    for name in (".a.part.ckpt", ".a.part.tmp", ".ab.part.ckpt"):
        (tmp_path / name).write_text("half")
        (tmp_path / name).chmod(0o400)
    write_text(path, "whole")
    assert names(tmp_path) == [".ab.part.ckpt", "a.ckpt"]


def test_leftovers_of_a_folder_are_removed_and_nothing_else(tmp_path):
    for name in (".a.part.ckpt", ".b.part.tmp", "c.part.nc", ".hidden", "d.nc"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "none")
    assert names(tmp_path) == [".hidden", "c.part.nc", "d.nc"]


def test_what_cannot_be_written_is_refused_with_reason_and_remedy(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(Refusal) as caught:
        left_early(path, OSError(errno.ENOSPC, "ignored"))
    assert str(caught.value) == f"{path}: cannot be written (No space left on device); make room"
    assert names(tmp_path) == []


def test_a_file_in_the_place_of_its_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"a\.csv: cannot be written"):
        write_text(tmp_path / "file" / "a.csv", "text")


def test_a_folder_appears_with_all_that_is_in_it_or_not_at_all(tmp_path):
    folder = tmp_path / "archive"
    with complete_folder_or_absent(folder) as part:
        (part / "a").write_text("1")
        assert not folder.exists()
    assert names(tmp_path) == ["a", "archive"]
    other = tmp_path / "other"
    with pytest.raises(Refusal, match="other: cannot be written"):
        folder_left_early(other)
    assert names(tmp_path) == ["a", "archive"]


def test_a_folder_that_another_process_finished_meanwhile_is_kept(tmp_path):
    folder = tmp_path / "archive"
    with complete_folder_or_absent(folder) as part:
        (part / "a").write_text("ours")
        folder.mkdir()
        (folder / "a").write_text("theirs")
    assert (folder / "a").read_text() == "theirs"
    assert names(tmp_path) == ["a", "archive"]


def test_too_little_space_is_refused_before_anything_is_written(tmp_path):
    check_space(tmp_path / "new" / "a", 1)
    with pytest.raises(Refusal, match=r"a: cannot be written \(\d+ MiB free, up to \d+ MiB needed"):
        check_space(tmp_path / "new" / "a", 1 << 60)
