import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.diffcast.backbones.convgru import BalancedError, GatedCell
from mindcast.models.diffcast.backbones.settings import ConvGRUSettings
from tests.models.diffcast.backbones.small import frames, small

PIXEL = {"stem": (2,), "hidden": (3,), "state_kernels": (1,), "input_kernel": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("with_input", [True, False])
def test_states_of_one_pixel_follow_the_formulas(with_input):
    cell = GatedCell(ConvGRUSettings(**PIXEL), 0, 2 if with_input else None, steps=2)
    rng = np.random.default_rng(0)
    for p in cell.get_parameters():
        p.set_data(Tensor(rng.normal(size=p.shape).astype(np.float32)))
    values = {p.name: p.asnumpy().reshape(p.shape[:2]) for p in cell.get_parameters()}
    h, x = rng.normal(size=3).astype(np.float32), rng.normal(size=(2, 2)).astype(np.float32)
    inputs = Tensor(x.reshape(2, 2, 1, 1)) if with_input else None
    got = cell(Tensor(h.reshape(1, 3, 1, 1)), inputs).asnumpy().reshape(2, 3)
    for t in range(2):
        hr, hz, hn = np.split(values["h2h.weight"] @ h + values["h2h.bias"], 3)
        xr = xz = xn = 0.0
        if with_input:
            xr, xz, xn = np.split(values["i2h.weight"] @ x[t] + values["i2h.bias"], 3)
        update = sigmoid(xz + hz)
        new = xn + sigmoid(xr + hr) * hn
        h = update * h + (1 - update) * np.where(new > 0, new, 0.2 * new)
        np.testing.assert_allclose(got[t], h, rtol=1e-5)


def test_forecaster_goes_on_from_the_encoder_s_states_without_seeing_its_frames():
    long, short = small("convgru", target=4), small("convgru", target=2)
    np.testing.assert_allclose(
        long(frames(2))[:, :2].asnumpy(), short(frames(2)).asnumpy(), atol=1e-6
    )


def test_balanced_error_weighs_squared_and_absolute_error_by_the_true_intensity():
    settings = ConvGRUSettings(balanced_thresholds=(0.25, 0.5), balanced_weights=(1.0, 2.0, 5.0))
    target = np.array([0.0, 0.25, 0.5, 1.0], np.float32).reshape(1, 1, 1, 2, 2)
    loss = BalancedError(settings)(Tensor(target + 0.5), Tensor(target))
    # weights 1, 2 (from 0.25 on), 5, 5 (from 0.5 on), each times 0.5^2 + 0.5 = 0.75, averaged
    np.testing.assert_allclose(loss.asnumpy(), (1 + 2 + 5 + 5) * 0.75 / 4, rtol=1e-6)


def test_the_setting_picks_the_loss():
    context, target = frames(2), frames(2, seed=1)
    prediction, plain = small("convgru").forecast_and_loss(context, target)
    expected = np.square((prediction - target).asnumpy()).mean()
    np.testing.assert_allclose(plain.asnumpy(), expected, rtol=1e-5)
    same, balanced = small("convgru", loss="balanced").forecast_and_loss(context, target)
    np.testing.assert_array_equal(same.asnumpy(), prediction.asnumpy())
    assert float(balanced.asnumpy()) > float(plain.asnumpy())
