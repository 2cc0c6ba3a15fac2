"""Convolutions of every kind that the kernels take, against the public operators."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.convolution import Conv2d, Conv3d
from tests.kernels.cases import Case, outcome

# (options of Conv2d, shape of the input): two samples, widths around the vectors' 16
IMAGES = [
    *(({"kernel": k, "padding": (k - 1) // 2}, (2, 3, 7, 9)) for k in range(1, 8)),
    ({"kernel": 2, "padding": 1}, (2, 3, 1, 1)),
    ({"kernel": 1}, (2, 3, 4, 16)),  # images serve as they are
    ({"kernel": 1}, (2, 3, 6, 16)),  # more pixels than are summed at once
    ({"kernel": 1, "groups": 2, "outputs": 18}, (2, 4, 5, 16)),
    ({"kernel": 3}, (2, 3, 3, 3)),  # a single pixel comes out
    ({"kernel": 3, "padding": 1}, (2, 3, 5, 15)),
    ({"kernel": 3, "padding": 1}, (2, 3, 5, 16)),
    ({"kernel": 3, "padding": 1}, (2, 3, 5, 17)),
    ({"kernel": 3, "padding": 1}, (2, 3, 2, 64)),
    ({"kernel": (1, 5), "padding": (0, 2)}, (2, 3, 4, 33)),
    ({"kernel": (5, 1), "padding": (2, 0)}, (2, 3, 6, 5)),
    ({"kernel": (3, 2), "padding": (2, 1, 0, 0)}, (2, 3, 6, 5)),  # sides differ: public
    ({"kernel": 3, "padding": (2, 0)}, (2, 3, 4, 6)),
    ({"kernel": 3, "padding": 3}, (2, 3, 4, 6)),  # more zeros than the taps reach
    ({"kernel": 1, "padding": 1}, (2, 3, 4, 6)),
    ({"kernel": 3, "padding": 1, "bias": False}, (2, 3, 4, 6)),
    ({"kernel": 3, "padding": 2, "dilation": 2}, (2, 3, 7, 6)),
    ({"kernel": 5, "padding": 6, "dilation": 3}, (2, 3, 13, 18)),
    ({"kernel": 3, "padding": 1, "groups": 3, "outputs": 3}, (2, 3, 5, 7)),  # depthwise
    ({"kernel": 7, "padding": 9, "groups": 3, "dilation": 3, "outputs": 3}, (2, 3, 9, 8)),
    ({"kernel": 3, "padding": 1, "groups": 3, "outputs": 6}, (2, 3, 5, 16)),
    ({"kernel": 3, "padding": 1, "groups": 2, "outputs": 14}, (2, 4, 5, 7)),
    ({"kernel": 3, "padding": 1, "outputs": 1}, (2, 1, 5, 7)),
    ({"kernel": 3, "padding": 1, "outputs": 13}, (2, 8, 5, 7)),
    ({"kernel": 3, "padding": 1, "groups": 2, "outputs": 20}, (2, 4, 5, 7)),
    ({"kernel": 3, "padding": 2, "dilation": 2, "outputs": 9}, (2, 3, 7, 6)),
    # more outputs, taps of channels and pixels than the gradient of the weights takes at once
    ({"kernel": 3, "padding": 1, "outputs": 70}, (2, 45, 5, 29)),
    ({"kernel": 3, "padding": 1, "stride": 2}, (2, 3, 6, 6)),  # public
]
VOLUMES = [
    ({"kernel": 3, "padding": 1}, (2, 3, 3, 4, 5)),
    ({"kernel": 3, "padding": 1}, (2, 3, 1, 4, 16)),
    ({"kernel": (1, 3, 3), "padding": (0, 1, 1)}, (2, 3, 2, 4, 5)),
    ({"kernel": (3, 1, 1), "padding": (1, 0, 0)}, (2, 3, 4, 2, 16)),
    ({"kernel": (2, 3, 4), "padding": 1}, (2, 3, 3, 4, 5)),
    ({"kernel": 3, "padding": (2, 1, 1)}, (2, 3, 2, 3, 3)),
    ({"kernel": 2, "bias": False}, (2, 3, 3, 4, 5)),
    ({"kernel": 3, "padding": 1, "outputs": 17}, (2, 3, 3, 4, 5)),
    ({"kernel": 3, "padding": (2, 1, 1), "outputs": 8}, (2, 3, 2, 3, 16)),
]
ALL = [*((Conv2d, *case) for case in IMAGES), *((Conv3d, *case) for case in VOLUMES)]


@pytest.mark.parametrize(("kind", "options", "shape"), ALL)
def test_values_and_gradients_are_those_of_the_public_operators(kind, options, shape, switch):
    options = {**options}
    outputs = options.pop("outputs", 7)
    case = Case(lambda: kind(shape[1], outputs, **options), (shape,))
    switch(False)
    expected = outcome(case, case.inputs())
    switch(True)
    for got, want in zip(outcome(case, case.inputs()), expected, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=3e-6 * max(1, abs(want).max()))


def test_gradients_are_finite_differences_of_the_sum_over_taps(switch):
    # y[o, p] = sum over i, t of w[o, i, t] x[i, p + t - 1]: a line of pixels, in float64
    switch(True)
    rng = np.random.default_rng(0)
    x, w, cotangent = (rng.normal(size=s) for s in ((2, 19), (3, 2, 3), (3, 19)))

    def energy(x, w):
        around = np.pad(x, ((0, 0), (1, 1)))
        return sum((w[:, :, t] @ around[:, t : t + 19] * cotangent).sum() for t in range(3))

    cell = Conv2d(2, 3, (1, 3), padding=(0, 1), bias=False)
    cell.weight.set_data(Tensor(w[:, :, None], ms.float32))
    fixed = Tensor(cotangent[None, :, None], ms.float32)
    gradient = ms.grad(lambda x: (cell(x) * fixed).sum(), 0, cell.trainable_params())
    dx, (dw,) = gradient(Tensor(x[None, :, None], ms.float32))
    for which, got in ((0, dx.asnumpy().reshape(x.shape)), (1, dw.asnumpy().reshape(w.shape))):
        for index in np.ndindex(got.shape):
            sides = []
            for sign in (1, -1):
                moved = [x.copy(), w.copy()]
                moved[which][index] += sign * 1e-4
                sides.append(energy(*moved))
            slope = (sides[0] - sides[1]) / 2e-4
            assert got[index] == pytest.approx(slope, rel=1e-5, abs=1e-5)
