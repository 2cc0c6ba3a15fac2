import os
import shutil
from collections import namedtuple

import pytest

from mindcast.graphs.store import PRIVATE, Store, user_folder

GRAPH = bytes(range(256)) * 8


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "graphs", 1 << 20)


def kept(store, key, graph=GRAPH):
    source = store.folder.parent / "made.mindir"
    source.write_bytes(graph)
    store.keep(key, source)
    return store.folder / f"{key}.graph"


def taken(store, key):
    place = store.folder.parent / "place.mindir"
    place.unlink(missing_ok=True)
    if store.take(key, place):
        return place.read_bytes()
    assert not place.exists()
    return None


def test_what_was_kept_is_taken_and_nothing_else(store):
    kept(store, "one")
    kept(store, "other", GRAPH[::-1])
    assert taken(store, "one") == GRAPH
    assert taken(store, "other") == GRAPH[::-1]
    assert taken(store, "third") is None


DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "the last byte missing": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "zeros at the end": lambda content: content[:-100] + bytes(100),
    "one bit": lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
    "another header": lambda content: b"mindcast graph 0\n" + content[17:],
    "a bare graph": lambda content: GRAPH,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_not_taken_and_makes_way_for_a_new_one(store, damage):
    entry = kept(store, "one")
    entry.write_bytes(damage(entry.read_bytes()))
    assert taken(store, "one") is None
    assert not entry.exists()
    kept(store, "one")
    assert taken(store, "one") == GRAPH


def test_a_writer_that_is_killed_leaves_no_entry(store, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        kept(store, "one")
    assert taken(store, "one") is None
    assert list(store.folder.iterdir()) == []


def test_two_stores_of_one_folder_share_their_entries(store):
    other = Store(store.folder, 1 << 20)
    assert other.new_work() != store.new_work()
    kept(store, "one")
    kept(other, "one")
    assert taken(other, "one") == GRAPH


def aged(path, seconds):
    stamp = path.stat().st_mtime - seconds
    os.utime(path, (stamp, stamp))


def test_those_used_longest_ago_make_way(store):
    for seconds, key in ((300, "first"), (200, "second"), (100, "third")):
        aged(kept(store, key), seconds)
    taken(store, "first")  # used just now: the second is the oldest
    store.limit = 2 * (store.folder / "first.graph").stat().st_size
    store.prune()
    assert sorted(path.stem for path in store.folder.iterdir()) == ["first", "third"]


def test_entries_not_used_for_three_months_and_what_dead_processes_left_go(store):
    entry = kept(store, "old")
    work = store.new_work()
    work.mkdir()
    half = store.folder / ".new-half"
    half.write_bytes(b"half")
    store.prune()
    assert all(path.exists() for path in (entry, half, work))
    for path in (entry, half, work):
        aged(path, 91 * 24 * 3600)
    store.prune()
    assert list(store.folder.iterdir()) == []


def test_a_graph_larger_than_the_limit_is_not_kept(store):
    store.limit = len(GRAPH) - 1
    assert not kept(store, "one").exists()


def test_a_full_disk_is_left_alone(store, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    assert not kept(store, "one").exists()


def test_the_folder_is_its_user_s_alone(store):
    assert store.folder.stat().st_mode & 0o777 == PRIVATE


def test_a_folder_that_everybody_can_write_into_is_not_used(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="everybody can write"):
        Store(tmp_path, 1 << 20)


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(PermissionError, match="belongs to user"):
        Store(tmp_path, 1 << 20)


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file", "File exists"), ("file/within", "Not a directory"), ("/proc/none", "No such file")],
)
def test_a_place_that_cannot_be_a_folder_is_an_os_error(tmp_path, place, reason):
    (tmp_path / "file").write_text("text")
    with pytest.raises(OSError, match=reason):
        Store(tmp_path / place, 1 << 20)


def test_the_user_s_folder_is_that_of_xdg_or_of_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "mindcast" / "graphs"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_folder() == tmp_path / "home" / ".cache" / "mindcast" / "graphs"
