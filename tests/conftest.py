import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from mindcast.runtime.native import environment

TESTS = Path(__file__).parent
PLAIN = (
    *("config", "physics", "motion", "weights", "data", "evaluation", "visualization", "bench"),
    *(
        "output",
        "page",
        "test_capacity.py",
        "test_files.py",
        "test_mapgrid.py",
        "test_readme_cn.py",
        "test_samples.py",
    ),
)

# the same examples at every run, few enough for a file of properties to take seconds
settings.register_profile("house", deadline=None, max_examples=100, derandomize=True, database=None)
settings.load_profile("house")

os.environ.update(environment())
# what tests start as a process of its own imports the package of this checkout, installed or not
SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
os.environ["PYTHONPATH"] = os.pathsep.join([SOURCE, os.environ.get("PYTHONPATH", "")])

# graphs that tests compile are not those of the user; kernels, which take long to build, are, and
# so are the fonts that matplotlib found
OWN_CACHE = None
if "MINDCAST_TESTS_CACHE" not in os.environ:  # workers of pytest-xdist share it
    OWN_CACHE = os.environ["MINDCAST_TESTS_CACHE"] = tempfile.mkdtemp(prefix="mindcast-tests-")
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    os.environ.setdefault("MPLCONFIGDIR", str(users / "matplotlib"))
    kernels = users / "mindcast" / "kernels"
    kernels.mkdir(parents=True, exist_ok=True)
    Path(OWN_CACHE, "mindcast").mkdir()
    Path(OWN_CACHE, "mindcast", "kernels").symlink_to(kernels)
os.environ["XDG_CACHE_HOME"] = os.environ["MINDCAST_TESTS_CACHE"]


def pytest_configure(config):
    """Gives the tests one core, and each worker of pytest-xdist one of its own.

    MindSpore makes a thread for each core that it sees when it first computes, and they spin for
    each other: on tensors as small as those of tests that takes CPU time and gains none. Processes
    that tests start see the same core.
    """
    if getattr(config.option, "numprocesses", None) or not hasattr(os, "sched_setaffinity"):
        return  # workers inherit the cores of the process that starts them; only Linux can pin
    cores = sorted(os.sched_getaffinity(0))
    # several runs on one machine, in clones for instance, do not all take the first one
    worker = os.environ.get("PYTEST_XDIST_WORKER", f"gw{os.getpid()}")
    number = int(worker.removeprefix("gw"))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


@pytest.fixture(scope="session", autouse=True)
def _mindspore_of_one_thread(request):
    if "mindspore" in sys.modules or not all(map(_is_plain, request.session.items)):
        import mindspore as ms

        ms.set_device("CPU")  # once it has computed, the device of a command line must be this one
        ms.runtime.launch_blocking()  # queued dispatch costs milliseconds an operator on CPU
        (ms.Tensor([1.0]) + 1).asnumpy()


def _is_plain(item):
    return item.path.relative_to(TESTS).parts[0] in PLAIN


def pytest_collection_modifyitems(items):
    """Rooms of plain NumPy and texts first: they take seconds and fail sooner."""
    items.sort(key=lambda item: not _is_plain(item))


def pytest_sessionfinish(session, exitstatus):
    if OWN_CACHE is not None:
        shutil.rmtree(OWN_CACHE, ignore_errors=True)
    session.config.exit_code = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    from mindcast.runtime.leaving import leave

    if "mindspore" in sys.modules and hasattr(config, "exit_code"):
        leave(config.exit_code)


@pytest.fixture(params=["kernels", "public operators"])
def kernels(request, monkeypatch):
    """Layers built in the test are made of kernels (True), and once more without them."""
    return _with_kernels(monkeypatch, request.param == "kernels")


@pytest.fixture
def switch(monkeypatch):
    """A function that turns kernels on or off for the layers that are built next."""
    return lambda on: _with_kernels(monkeypatch, on)


def _with_kernels(monkeypatch, on):
    from mindcast.kernels import build, operators

    if on and build.library() is None:
        pytest.skip("no C++ compiler that builds the kernels")
    monkeypatch.setattr(operators, "library", build.library if on else lambda: None)
    return on


@pytest.fixture(scope="session")
def nowcast_run(tmp_path_factory):
    """A run folder of a small nowcast; tests must not write into it."""
    from tests.untrained import NOWCAST, untrained_run

    return untrained_run(tmp_path_factory.mktemp("nowcast") / "run", "diffcast", NOWCAST)


@pytest.fixture(scope="session")
def downscale_run(tmp_path_factory):
    """A run folder of a small downscaling; tests must not write into it."""
    from tests.untrained import DOWNSCALE, untrained_run

    return untrained_run(tmp_path_factory.mktemp("downscale") / "run", "geodiff", DOWNSCALE)
