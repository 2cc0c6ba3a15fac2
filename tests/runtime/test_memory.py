from types import SimpleNamespace

import mindspore as ms
import pytest

from mindcast.runtime import memory

MIB = 1 << 20


def tree(root, files):
    """Files by path, with numbers of MiB in them as bytes."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content * MIB if isinstance(content, int) else content))
    return root


def of_machine(mebibytes):
    lines = ("MemTotal: 999999 kB", "MemFree: 12 kB", f"MemAvailable: {1024 * mebibytes} kB")
    return {"proc/meminfo": "\n".join(lines)}


def version_2(path, limit, used, given_back=0):
    folder = f"sys/fs/cgroup{path}".rstrip("/")
    return {
        f"{folder}/memory.max": limit,
        f"{folder}/memory.current": used,
        f"{folder}/memory.stat": f"anon 1\ninactive_file {given_back * MIB}\n",
    }


def version_1(path, limit, used, given_back=0):
    folder = f"sys/fs/cgroup/memory{path}".rstrip("/")
    return {
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.usage_in_bytes": used,
        f"{folder}/memory.stat": f"cache 1\ntotal_inactive_file {given_back * MIB}\n",
    }


OF_2 = {"proc/self/cgroup": "0::/pod/own\n"}
OF_1 = {"proc/self/cgroup": "5:cpu:/pod\n4:hugetlb,memory:/pod/own\n1:name=systemd:/\n"}


def test_without_a_container_the_machine_s_free_memory_counts(tmp_path):
    assert memory.available(root=tree(tmp_path, of_machine(700))) == 700 * MIB


@pytest.mark.parametrize(("own", "group"), [(OF_2, version_2), (OF_1, version_1)], ids="21")
def test_a_container_s_limit_counts_less_what_it_uses_and_cannot_give_back(tmp_path, own, group):
    # 500 - 300, and 40 of the 300 are files kept in memory
    root = tree(tmp_path, {**of_machine(700), **own, **group("/pod/own", 500, 300, 40)})
    assert memory.available(root=root) == 240 * MIB


@pytest.mark.parametrize(("own", "group"), [(OF_2, version_2), (OF_1, version_1)], ids="21")
@pytest.mark.parametrize("around", ["/pod", "/"])
def test_the_tightest_limit_counts_of_the_groups_around(tmp_path, own, group, around):
    # "/" stands for a container in which its own group lies at the top, by another path
    root = tree(tmp_path, {**of_machine(700), **own, **group(around, 400, 350)})
    assert memory.available(root=root) == 50 * MIB


def test_a_machine_that_has_less_left_than_its_container_may_take_counts(tmp_path):
    root = tree(tmp_path, {**of_machine(100), **OF_2, **version_2("/pod/own", 500, 300)})
    assert memory.available(root=root) == 100 * MIB


def test_a_group_without_a_limit_bounds_nothing(tmp_path):
    unlimited = version_2("/pod/own", "max\n", 300)
    assert memory.available(root=tree(tmp_path, {**of_machine(700), **OF_2, **unlimited})) == (
        700 * MIB
    )


def test_a_container_beyond_its_limit_has_nothing_left(tmp_path):
    root = tree(tmp_path, {**of_machine(700), **OF_2, **version_2("/pod/own", 500, 510)})
    assert memory.available(root=root) == 0


def test_where_nothing_tells_nothing_is_known(tmp_path):
    assert memory.available(root=tmp_path) is None


def test_of_a_card_its_properties_count(monkeypatch):
    monkeypatch.setattr(ms.runtime, "memory_allocated", lambda: 3 * MIB)
    monkeypatch.setattr(ms.runtime, "memory_reserved", lambda: 5 * MIB)
    of_gpu, of_ascend = (
        SimpleNamespace(total_memory=80 * MIB),
        SimpleNamespace(total_memory=64 * MIB, free_memory=40 * MIB),
    )
    for found, left in ((of_gpu, 77 * MIB), (of_ascend, 42 * MIB), (None, None)):
        monkeypatch.setattr(ms.hal, "get_device_properties", lambda *_, found=found: found)
        assert memory.available("GPU") == left
