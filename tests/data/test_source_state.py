import os

import pytest

from mindcast.data import source_state
from mindcast.data.source_state import check_state, state_of
from mindcast.refusal import Refusal


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(name.encode() * 50)
    return folder


def state(source, facts=""):
    return state_of(list(source.iterdir()), source, facts)


def add(source):
    (source / "c").write_bytes(b"c")


def correct(source):
    (source / "a").write_bytes(b"z" * 50)


def rename(source):
    (source / "a").rename(source / "c")


@pytest.mark.parametrize("change", [add, correct, rename])
def test_a_changed_source_is_refused(source, tmp_path, change):
    before = state(source)
    change(source)
    with pytest.raises(Refusal, match=r"set\.h5: was made from .*source before that changed"):
        check_state(tmp_path / "set.h5", before, source, state(source))


def test_other_facts_are_another_source(source, tmp_path):
    with pytest.raises(Refusal, match="before that changed"):
        check_state(tmp_path / "set.h5", state(source, "3 events"), source, state(source))


def test_a_copy_of_the_source_is_the_same_without_a_word(source, tmp_path, capsys):
    copy = source.rename(tmp_path / "moved")
    os.utime(copy / "a", (1, 1))
    check_state(tmp_path / "set.h5", state(copy), copy, state(copy))
    assert capsys.readouterr().err == ""


def test_large_files_are_sampled_and_a_later_time_is_mentioned(
    source, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(source_state, "BLOCK", 4)
    monkeypatch.setattr(source_state, "BLOCKS", 3)
    before = state(source)
    os.utime(source / "a", (1, 1))
    check_state(tmp_path / "set.h5", before, source, state(source))
    assert "set.h5: kept as it is; files of" in capsys.readouterr().err
    (source / "a").write_bytes(b"a" * 49 + b"z")  # in the last block
    with pytest.raises(Refusal, match="before that changed"):
        check_state(tmp_path / "set.h5", before, source, state(source))


@pytest.mark.parametrize("found", [None, "", "[]", "{}"])
def test_what_was_made_before_states_were_kept_stays_with_a_word(source, tmp_path, capsys, found):
    check_state(tmp_path / "set.h5", found, source, state(source))
    assert "set.h5: kept as it is; it cannot be compared with" in capsys.readouterr().err


def test_a_source_that_is_gone_has_no_state(source):
    assert state_of([source / "gone"], source) == ""
