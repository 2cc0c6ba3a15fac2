import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindcast.layers.activation import Gelu
from mindcast.layers.conv_gru import ConvGRULayer
from mindcast.layers.convolution import Conv2d, Conv3d
from mindcast.layers.dense import Dense
from mindcast.layers.norm import GroupNorm, LayerNorm
from mindcast.layers.precision import LowerProduct, lower
from mindcast.layers.softmax import Softmax
from mindcast.layers.transposed_convolution import Conv2dTranspose

SCALE = 2.0**16


class Net(nn.Cell):
    """Every kind of product, with norms, softmax and a learned position between them."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.act, self.second = (
            Dense(8, 16),
            LayerNorm(16),
            Gelu(),
            Dense(16, 4),
        )
        self.position = ms.Parameter(Tensor(np.full((1, 16), 0.1, np.float32)))
        self.flat, self.group = Conv2d(4, 8, 3, padding=1), GroupNorm(2, 8)
        self.deep, self.up = Conv3d(8, 8, 3, padding=1), Conv2dTranspose(8, 8, 4, 2, 1)
        self.recurrent, self.softmax = ConvGRULayer(8), Softmax()
        self.times = ops.BatchMatMul(transpose_b=True)

    def construct(self, x):
        rows = self.second(self.act(self.norm(self.first(x) + self.position)))
        images = self.group(self.flat(rows.reshape(1, 4, 4, 4)))
        images = self.up(self.deep(images.reshape(1, 8, 1, 4, 4)).reshape(1, 8, 4, 4))
        (state,) = self.recurrent(images.reshape(1, 1, 8, 8, 8))
        rows = state.reshape(1, 8, 64)
        return self.softmax(4 * self.times(rows, rows))


class Recorder(nn.Cell):
    """Keeps what a cell gave; `seen` is read after the call."""

    def __init__(self, cell, seen):
        super().__init__(auto_prefix=False)
        self.cell, self.seen = cell, seen

    def construct(self, *inputs):
        output = self.cell(*inputs)
        self.seen.append((tuple(i.dtype for i in inputs), output.dtype))
        return output


def net(number_type="float32"):
    ms.set_seed(0)
    cell = Net()
    lower(cell, number_type)
    return cell


def source():
    return Tensor(np.random.default_rng(1).standard_normal((16, 8)).astype(np.float32))


def gradients(cell, compiled, scale):
    def loss(x):
        y = cell(x)
        return (y * y).mean() * scale

    function = ms.value_and_grad(loss, None, ms.ParameterTuple(cell.trainable_params()))
    value, found = (ms.jit(function) if compiled else function)(source())
    return float(value.asnumpy()) / scale, [g.asnumpy() / scale for g in found]


def test_products_take_float16_and_all_else_float32():
    seen = {name: [] for name in ("first", "norm", "act", "flat", "group", "up", "softmax")}
    cell = net("float16")
    for name, record in seen.items():
        setattr(cell, name, Recorder(getattr(cell, name), record))
    operands = []
    cell.times.product = Recorder(nn.Identity(), operands)
    cell.times.product.construct = lambda *pair: (
        operands.append(pair) or ops.matmul(pair[0], pair[1].swapaxes(1, 2))
    )
    assert cell(source()).dtype == ms.float32
    for name, record in seen.items():
        assert record == [((ms.float32,), ms.float32)], name
    assert [part.dtype for part in operands[0]] == [ms.float16] * 2


def test_every_kind_of_product_is_lowered_and_parameters_stay_what_they_are():
    cell = net("float16")
    lowered = {n for n, part in cell.cells_and_names() if isinstance(part, LowerProduct)}
    lowered -= {"recurrent.to_gates.convolve", "recurrent.to_candidate.convolve"}  # no kernel there
    assert lowered == {
        *("first.product", "second.product", "flat.conv2d", "deep.conv3d", "up.conv2d_transpose"),
        *("recurrent.conv_gates.0.conv2d", "recurrent.conv_cans.0.conv2d"),
        "times",
    }
    before = {p.name: p for p in net().get_parameters()}
    after = {p.name: p for p in cell.get_parameters()}
    assert list(before) == list(after)
    for name, parameter in after.items():
        assert parameter.dtype == ms.float32
        np.testing.assert_array_equal(parameter.asnumpy(), before[name].asnumpy(), err_msg=name)


def test_lowering_twice_changes_nothing_and_float32_is_left_alone():
    cell = net("float16")
    names = [name for name, _ in cell.cells_and_names()]
    lower(cell, "float16")
    assert [name for name, _ in cell.cells_and_names()] == names
    assert not any(isinstance(part, LowerProduct) for _, part in net().cells_and_names())


def test_a_cell_that_asks_for_it_stays_in_float32():
    cell = Net()
    cell.flat.in_float32 = True
    lower(cell, "float16")
    assert not isinstance(cell.flat.conv2d, LowerProduct)
    assert isinstance(cell.deep.conv3d, LowerProduct)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_scaled_gradients_of_float16_are_those_of_float32_but_for_rounding(compiled):
    value, exact = gradients(net(), compiled, 1.0)
    rounded_value, rounded = gradients(net("float16"), compiled, SCALE)
    # an operand is off by at most 2^-11 = 5e-4 of itself; ten products in a row, errors at random
    assert rounded_value == pytest.approx(value, rel=2e-3)
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == np.float32
        assert np.abs(one - other).max() <= 1e-2 * np.abs(one).max()
    assert any((one != other).any() for one, other in zip(exact, rounded, strict=True))


def test_small_gradients_need_the_scale():
    _, exact = gradients(net(), False, 2.0**-14)
    _, lost = gradients(net("float16"), False, 2.0**-14)
    _, kept = gradients(net("float16"), False, 2.0)

    def error(found):
        return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(exact, found, strict=True))

    assert error(lost) > 0.1 > 10 * error(kept)
