import os

import pytest

os.environ.setdefault("GLOG_v", "3")

SHARED = os.path.join(os.path.dirname(__file__), "..", "..", "shared")


@pytest.fixture(scope="session", autouse=True)
def _quick_operator_dispatch():
    import mindspore as ms

    ms.runtime.launch_blocking()  # queued dispatch costs milliseconds an operator on CPU
