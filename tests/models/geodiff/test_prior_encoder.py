import mindspore as ms
import numpy as np
import pytest

from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.residual_network import ResidualNetwork
from tests.models.geodiff.small import built, sample, settings_of, tensors


@pytest.fixture(scope="module")
def network():
    """Untrained but for the last convolution, which starts at zero and would hide everything."""
    cell = built(DeterministicNetwork, settings_of())
    last = cell.primary.final_conv[1].weight
    last.set_data(ms.Tensor(np.full(last.shape, 0.3, np.float32)))
    return cell


def inputs(change=0.0):
    given = sample().input
    priors_lr = given.priors_lr + np.float32(change)
    return tensors((given.temperature_lr, priors_lr, given.statics))


def gradients(cell):
    zeros = [p for p in cell.trainable_params() if ".zero_convs." in p.name]
    encoder = [p for p in cell.trainable_params() if p.name.startswith("primary_priors")]
    others = [p for p in encoder if ".zero_convs." not in p.name]

    def loss(*arrays):
        return (cell(*arrays) ** 2).mean()

    found = ms.grad(loss, None, ms.ParameterTuple([*zeros, *others]))(*inputs())
    sizes = [float(np.abs(g.asnumpy()).max()) for g in found]
    return (zeros, sizes[: len(zeros)]), (others, sizes[len(zeros) :])


def test_untrained_answer_is_the_same_to_the_bit_whatever_the_priors(network):
    answer, other = network(*inputs()).asnumpy(), network(*inputs(change=2.0)).asnumpy()
    np.testing.assert_array_equal(answer, other)
    kept, network.primary_priors = network.primary_priors, None
    np.testing.assert_array_equal(answer, network(*inputs()).asnumpy())
    network.primary_priors = kept


def test_at_first_zero_convolutions_have_a_gradient_and_the_encoder_has_none(network):
    (zeros, of_zeros), (_, of_encoder) = gradients(network)
    assert min(s for p, s in zip(zeros, of_zeros, strict=True) if p.name.endswith("weight")) > 0
    assert max(of_encoder) == 0


def test_once_the_zero_convolutions_have_moved_the_encoder_learns_too():
    cell = built(DeterministicNetwork, settings_of(), stir=0.05)
    _, (encoder, of_encoder) = gradients(cell)
    assert all(size > 0 for size in of_encoder), [p.name for p in encoder]
    answer, other = cell(*inputs()).asnumpy(), cell(*inputs(change=2.0)).asnumpy()
    assert np.abs(answer - other).max() > 1e-4


def test_there_is_one_zero_convolution_a_stage_and_one_in_the_middle():
    for cell_type in (DeterministicNetwork, ResidualNetwork):
        names = {p.name for p in built(cell_type, settings_of()).get_parameters()}
        assert sum(".zero_convs." in n and n.endswith("weight") for n in names) == 3


def test_without_priors_there_is_no_encoder():
    cell = built(DeterministicNetwork, settings_of(priors={"use": False}))
    assert not any("primary_priors" in p.name for p in cell.get_parameters())
    assert cell(*inputs()).shape == (2, 3, 8, 12)
