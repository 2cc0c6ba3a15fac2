import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from mindcast.kernels.build import library
from tests.kernels.cases import CASES, outcome

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=CASES)
def case(request, switch):
    switch(True)
    return CASES[request.param]


def test_two_runs_are_equal_bit_for_bit(case):
    for one, other in zip(*(outcome(case, case.inputs()) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sample_does_not_depend_on_the_batch_that_it_is_in(case):
    cell, arrays = case.cell(), case.inputs()
    together = cell(*map(Tensor, arrays)).asnumpy()
    own = len(arrays) - case.shared
    for n in range(3):
        alone = [a[n : n + 1] for a in arrays[:own]] + arrays[own:]
        np.testing.assert_array_equal(cell(*map(Tensor, alone)).asnumpy()[0], together[n])


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_threads():
    if library() is None:
        pytest.skip("no C++ compiler that builds the kernels")
    told = []
    for threads in ("1", "2", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
        command = [sys.executable, "-m", "tests.kernels.digests"]
        run = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        told.append([line for line in run.stdout.splitlines() if ": " in line])
    assert len(told[0]) >= len(CASES)
    assert told[0] == told[1] == told[2]
