import os
import sys

import pytest
from hypothesis import settings

# the same examples at every run, few enough for a file of properties to take seconds
settings.register_profile("house", deadline=None, max_examples=100, derandomize=True, database=None)
settings.load_profile("house")

os.environ.setdefault("GLOG_v", "3")
# what tests start as a process of its own imports the package of this checkout, installed or not
SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
os.environ["PYTHONPATH"] = os.pathsep.join([SOURCE, os.environ.get("PYTHONPATH", "")])

SHARED = os.path.join(os.path.dirname(__file__), "..", "..", "shared")


@pytest.fixture(scope="session", autouse=True)
def _quick_operator_dispatch():
    import mindspore as ms

    ms.runtime.launch_blocking()  # queued dispatch costs milliseconds an operator on CPU


def pytest_sessionfinish(session, exitstatus):
    session.config.exit_code = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    from mindcast.runtime.leaving import leave

    if "mindspore" in sys.modules and hasattr(config, "exit_code"):
        leave(config.exit_code)
