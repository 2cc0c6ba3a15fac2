import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.diffcast.unet import DenoiserUNet

NAMES = ("x", "t", "previous", "segment", "context 0", "context 1", "context 2")


@pytest.fixture(scope="module")
def network():
    ms.set_seed(0)
    return DenoiserUNet(8, (1, 2, 2), frames=3, channels=2)


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal((2, *shape), np.float32)

    x, previous = normal(3, 2, 8, 12), normal(3, 2, 8, 12)
    features = normal(8, 8, 12), normal(8, 4, 6), normal(16, 2, 3)
    return (x, np.int32([3, 900]), previous, np.int32([0, 2]), *features)


def said(network, inputs):
    return network(*map(Tensor, inputs)).asnumpy()


@pytest.fixture(scope="module")
def answer(network, inputs):
    return said(network, inputs)


def test_the_answer_has_the_shape_of_the_segment(inputs, answer):
    assert answer.shape == inputs[0].shape


def test_the_output_depends_on_all_inputs_of_the_network(network, inputs, answer):
    for changed, name in enumerate(NAMES):
        others = list(inputs)
        others[changed] = others[changed] + 1
        assert np.abs(said(network, others) - answer).max() > 1e-4, name


def test_the_rows_of_a_batch_do_not_meet(network, inputs, answer):
    alone = said(network, [array[1:] for array in inputs])
    np.testing.assert_allclose(alone[0], answer[1], atol=2e-5)


def test_previous_and_noisy_residual_are_not_interchangeable(network, inputs, answer):
    x, t, previous, *others = inputs
    swapped = said(network, [previous, t, x, *others])
    assert np.abs(swapped - answer).max() > 1e-3
