import os

import pytest

from mindcast.refusal import Refusal
from tests.bench import sameness
from tests.bench.torch_environment import DEFAULT, python_of

CASES = {case.name: case for case in sameness.small()}
CLOSE = 2e-5  # float32, sums in other orders


@pytest.fixture(scope="module")
def python():
    try:
        return python_of(os.environ.get("MINDCAST_TORCH", DEFAULT))
    except Refusal as refusal:
        pytest.skip(str(refusal))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_pytorch_network_is_ours_in_output_loss_and_gradient(name, python):
    found = sameness.differences(CASES[name], python)
    assert found.output < CLOSE
    if CASES[name].method == "forward":
        assert found.loss < CLOSE
        assert found.gradient < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_pytorch_counts_the_same_operations(name, python):
    case = CASES[name]
    counted = sameness.counted_by_pytorch(case, python)
    # of the attentions of two networks it does not count the fused kernel
    assert 0 <= case.count.flops - counted <= 0.01 * counted
