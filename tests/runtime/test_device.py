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


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("mode", ["train", "test", "predict"])
def test_bfloat16_on_the_cpu_is_refused_before_mindspore_is_loaded(mode, tmp_path):
    code = (
        "import sys; from mindcast import cli; code = cli.main(sys.argv[1:]); "
        "assert 'mindspore' not in sys.modules; sys.exit(code)"
    )
    options = ("--cfg", "configs/smoke/geodiff.yaml", "--out", tmp_path / "run", "--mode", mode)
    options += ("--set", "runtime.precision=bfloat16", "--device_target", "CPU")
    if mode != "train":
        options += ("--set", f"ckpt_path={tmp_path}")
    if mode == "predict":
        options += ("--input", "some.nc")
    result = python(code, *options)
    assert result.returncode == 2, result.stderr
    assert result.stderr == (
        "mindcast: runtime.precision = bfloat16: MindSpore has no products of that type on CPU; "
        "use --set runtime.precision=float32, or --device_target Ascend or GPU where there is one\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_device_is_asked_for_a_product_of_the_number_type():
    # in a process of its own: a failed attempt may spoil what MindSpore computes afterwards
    result = python(
        "from mindcast.config.schema import Runtime\n"
        "from mindcast.runtime import device\n"
        "device.start('CPU', 0, Runtime(precision='float16'))\n"
        "device._require_products('GPU', 'float16')\n"
        "print('float16 is there', flush=True)\n"
        "device._require_products('GPU', 'bfloat16')\n"
    )
    assert result.stdout == "float16 is there\n", result.stderr
    last = result.stderr.splitlines()[-1]
    assert "runtime.precision = bfloat16: GPU does not multiply matrices of that type" in last


def test_bfloat16_is_refused_where_the_cpu_takes_the_place_of_an_absent_device(fell_back):
    if fell_back.stdout.split()[-1] != "CPU":
        pytest.skip("this machine has a card")
    result = python(
        "from mindcast.config.schema import Runtime\n"
        "from mindcast.runtime import device\n"
        "device.start('Ascend', 0, Runtime(precision='bfloat16'))\n"
    )
    assert "has no products of that type on CPU" in result.stderr.splitlines()[-1]
