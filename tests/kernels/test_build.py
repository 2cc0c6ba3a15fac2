import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mindcast.kernels import build

ROOT = Path(__file__).parents[2]
SMALL = 'extern "C" int nothing(int, void **, int *, long **, const char **, void *, void *) {\n'


@pytest.fixture(autouse=True)
def small_library(tmp_path, monkeypatch):
    """One short source, a cache of the test's own, and a compiler that counts its calls."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "nothing.cpp").write_text(SMALL + "  return 0;\n}\n")
    monkeypatch.setattr(build, "SOURCES", sources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(build.SWITCH, raising=False)
    real = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if real is None:
        pytest.skip("no C++ compiler")
    log = tmp_path / "calls"
    compiler(tmp_path, monkeypatch, f'echo "$@" >> {log}\nexec {real} "$@"\n')
    build.library.cache_clear()
    yield
    build.library.cache_clear()


def compiler(folder, monkeypatch, script):
    path = folder / "compiler"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CXX", str(path))


def compilations(tmp_path):
    calls = (tmp_path / "calls").read_text().splitlines()
    return [line for line in calls if "-shared" in line]


def anew():
    """As another process would ask."""
    build.library.cache_clear()
    return build.library()


def test_a_library_is_built_once_and_found_again(tmp_path):
    first = anew()
    assert first.read_bytes()[:4] == b"\x7fELF" or sys.platform != "linux"
    assert anew() == first
    assert len(compilations(tmp_path)) == 1
    assert first.is_relative_to(tmp_path / "cache" / "mindcast" / "kernels")
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_another_source_header_option_or_cpu_is_another_library(monkeypatch):
    found = [anew()]
    (build.SOURCES / "nothing.cpp").write_text(SMALL + "  return 1;\n}\n")
    found.append(anew())
    (build.SOURCES / "more.h").write_text("// a header\n")
    found.append(anew())
    monkeypatch.setattr(build, "OPTIONS", (*build.OPTIONS, "-g0"))
    found.append(anew())
    monkeypatch.setattr(build, "_cpu", lambda: "another")
    found.append(anew())
    assert len(set(found)) == len(found)
    assert all(path.is_file() for path in found)


def test_another_compiler_is_another_library(tmp_path, monkeypatch):
    first, other = anew(), tmp_path / "other"
    other.mkdir()
    compiler(other, monkeypatch, f'exec {tmp_path}/compiler "$@"\n')
    assert anew() != first


def test_a_compiler_that_fails_is_said_in_one_line_once(tmp_path, monkeypatch, capfd):
    compiler(tmp_path, monkeypatch, "echo 'x.cpp:1: error: no such thing' >&2\nexit 1\n")
    assert anew() is None
    assert build.library() is None
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    assert str(tmp_path / "compiler") in told[0]
    assert "error: no such thing" in told[0]
    assert "MINDCAST_KERNELS=off" in told[0]
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_a_compiler_that_fails_without_a_word_is_said_in_one_line(tmp_path, monkeypatch, capfd):
    compiler(tmp_path, monkeypatch, "echo; echo >&2; echo killed >&2; echo so >&2; exit 137\n")
    assert anew() is None
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_what_is_no_program_is_said_in_one_line(tmp_path, monkeypatch, capfd):
    compiler(tmp_path, monkeypatch, "")
    (tmp_path / "compiler").write_bytes(b"\x7fELF and no more")
    assert anew() is None
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_compiler_may_be_named_with_its_launcher_and_options(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", f"env {tmp_path / 'compiler'} -g0")
    assert anew().is_file()
    assert "-g0" in compilations(tmp_path)[0]


@pytest.mark.parametrize("named", ["/no/such/compiler", None])
def test_without_a_compiler_there_is_no_library_and_no_word(named, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("CXX")
    if named:
        monkeypatch.setenv("CXX", named)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
        (tmp_path / "compiler").rename(tmp_path / "not-one")
    assert anew() is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", ["off", "OFF", "0", "false"])
def test_the_switch_stops_even_the_look_for_a_compiler(value, tmp_path, monkeypatch):
    monkeypatch.setenv(build.SWITCH, value)
    assert anew() is None
    assert not (tmp_path / "calls").exists()


def test_a_cache_that_cannot_be_written_does_not_stop_it(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # not a folder, even for root
    built = anew()
    assert built.is_file()
    assert build.library() == built
    shutil.rmtree(built.parent)


def test_half_a_library_of_a_killed_writer_is_not_taken_for_one(tmp_path):
    first = anew()
    whole = first.read_bytes()
    first.unlink()
    (first.parent / "tmpkilled.so").write_bytes(whole[:100])
    assert anew().read_bytes()[:4] == whole[:4]
    assert len(compilations(tmp_path)) == 2


def test_two_processes_that_build_at_once_both_get_a_whole_library(tmp_path):
    program = (
        "import ctypes\n"
        "from pathlib import Path\n"
        "from mindcast.kernels import build\n"
        f"build.SOURCES = Path({str(build.SOURCES)!r})\n"
        "print(ctypes.CDLL(build.library()).nothing(0, 0, 0, 0, 0, 0, 0))\n"
    )

    def one(_):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    with ThreadPoolExecutor(3) as pool:
        assert [run.stdout.strip() for run in pool.map(one, range(3))] == ["0"] * 3
    assert len(list((tmp_path / "cache").rglob("*"))) == 4  # mindcast, kernels, the key, one file


@pytest.mark.slow
def test_nothing_is_compiled_at_import(tmp_path):
    program = "import mindcast.layers.norm, mindcast.layers.convolution, mindcast.layers.softmax"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "calls").exists()
