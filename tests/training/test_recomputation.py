import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.layers.feed_forward import FeedForward
from mindcast.refusal import Refusal
from mindcast.training.recomputation import recompute
from tests.training.dummy import run_settings, trainer


class Block(nn.Cell):
    def __init__(self, inside):
        super().__init__()
        self.inside, self.marked = inside, False

    def recompute(self, **options):
        self.marked = True


def test_the_outermost_blocks_are_marked_and_nothing_else():
    inner, outer, alone = Block(nn.ReLU()), Block(nn.ReLU()), Block(nn.ReLU())
    outer.inside = nn.SequentialCell(inner)
    assert recompute(nn.SequentialCell(nn.CellList([outer]), nn.ReLU(), alone), (Block,)) == 2
    assert (outer.marked, inner.marked, alone.marked) == (True, False, True)


def test_a_network_without_blocks_is_refused(tmp_path):
    with pytest.raises(Refusal) as caught:
        trainer(tmp_path, run_settings(recompute=True))
    assert str(caught.value) == (
        "training.fit.recompute = true: this network has no blocks to compute again; set it to "
        "false"
    )


def gradients(again, compiled):
    """Loss, and gradients of input, of what both blocks take and of the weights."""
    ms.set_seed(0)
    np.random.seed(0)
    blocks = nn.CellList([Shifted() for _ in range(2)])
    rng = np.random.default_rng(1)
    for parameter in blocks.get_parameters():
        parameter.set_data(Tensor(rng.standard_normal(parameter.shape).astype(np.float32)))
    blocks.set_train(True)
    weights = ms.ParameterTuple(blocks.trainable_params())
    assert recompute(blocks, (Shifted,) if again else ()) == (2 if again else 0)

    def loss(x, shift):
        y = x
        for block in blocks:
            y, twice = block(y, shift, None)
            y = y + twice
        return (y * y).mean()

    function = ms.value_and_grad(loss, (0, 1), weights)
    x, shift = (Tensor(rng.standard_normal((64, 8)).astype(np.float32)) for _ in range(2))
    value, (of_inputs, of_weights) = (ms.jit(function) if compiled else function)(x, shift)
    return [tensor.asnumpy() for tensor in (value, *of_inputs, *of_weights)]


class Shifted(nn.Cell):
    """A feed-forward block that drops entries, of the sum of two inputs; gives a pair."""

    def __init__(self):
        super().__init__()
        self.block = FeedForward(8, 32, dropout=0.2)

    def construct(self, x, shift=None, scale=None):
        y = self.block(x + shift)
        return y, 2 * y


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_blocks_computed_again_give_the_same_loss_and_gradients_bit_for_bit(compiled):
    kept, again = gradients(False, compiled), gradients(True, compiled)
    assert len(kept) == len(again) == 3 + 2 * 6
    for one, other in zip(kept, again, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(one, other)
