import subprocess
import sys

import pytest

SCRIPT = """
import atexit, sys
from types import ModuleType
from mindcast.runtime.leaving import leave

if {loaded}:
    sys.modules["mindspore"] = ModuleType("mindspore")
atexit.register(lambda: print("exit function"))
print("said before", end=" ")
leave({code})
print("never")
"""


def test_where_the_import_of_mindspore_was_cut_off_its_exit_functions_do_not_run():
    script = SCRIPT.format(loaded=False, code=130).replace(
        "atexit.register",
        "sys.modules['mindspore._c_expression'] = ModuleType('x'); atexit.register",
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (130, "said before")


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("code", [0, 2])
def test_the_code_arrives_nothing_is_lost_and_exit_functions_run(loaded, code):
    script = SCRIPT.format(loaded=loaded, code=code)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout == "said before exit function\n"
    assert done.stderr == ""
