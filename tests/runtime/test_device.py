import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CODE = """
from mindcast.config.schema import Runtime
from mindcast.runtime import device
print("used", device.start({target!r}, 0, Runtime(fallback={fallback})))
"""


def start(target, fallback=True):
    code = CODE.format(target=target, fallback=fallback)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def fell_back():
    return start("Ascend")


def test_an_absent_device_falls_back_with_one_warning_line(fell_back):
    used = fell_back.stdout.split()[-1]
    if used == "Ascend":
        pytest.skip("this machine has an Ascend card")
    assert fell_back.stdout == f"used {used}\n"
    assert fell_back.stderr.count("\n") == 1
    assert f"Ascend was asked for, {used} is used" in fell_back.stderr


def test_without_fallback_an_absent_device_is_refused(fell_back):
    if fell_back.stdout.split()[-1] == "Ascend":
        pytest.skip("this machine has an Ascend card")
    result = start("Ascend", fallback=False)
    assert result.returncode != 0
    assert "--set runtime.fallback=true" in result.stderr


def test_the_cpu_is_always_there_and_silent():
    result = start("CPU")
    assert (result.stdout, result.stderr) == ("used CPU\n", "")
