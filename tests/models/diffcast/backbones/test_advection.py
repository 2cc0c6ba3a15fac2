import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.diffcast.backbones import build_backbone
from mindcast.models.diffcast.backbones.settings import AdvectionSettings
from mindcast.motion.moved import VALUE
from tests.models.diffcast.backbones.small import frames, small, source


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("multiples", [(1,), (1, 2), (1, 2, 2)])
def test_before_the_first_step_the_forecast_is_the_extrapolation_exactly(multiples, channels):
    settings = AdvectionSettings(dim=8, multiples=multiples)
    backbone = build_backbone("advection", settings, 2, 3, (8, 8), channels)
    moved = source("advection", target=3, channels=channels)
    value = moved.asnumpy().reshape(2, 3, 3, channels, 8, 8)[:, :, VALUE]
    np.testing.assert_array_equal(backbone(moved).asnumpy(), value)


def test_what_is_learned_is_added_and_differs_by_lead_time():
    backbone = small("advection", target=3)
    same = np.repeat(frames(1, channels=3).asnumpy(), 3, axis=1)
    correction = backbone(Tensor(same)).asnumpy() - same[:, :, VALUE : VALUE + 1]
    assert np.abs(correction).max() > 1e-3
    for one, other in ((0, 1), (1, 2)):
        assert np.abs(correction[:, one] - correction[:, other]).max() > 1e-4


def test_a_frame_is_corrected_by_itself():
    backbone, moved = small("advection", target=3), source("advection", target=3).asnumpy()
    changed = moved.copy()
    changed[:, 1] = 0
    before, after = (backbone(Tensor(x)).asnumpy() for x in (moved, changed))
    np.testing.assert_allclose(after[:, [0, 2]], before[:, [0, 2]], atol=1e-6)
    assert np.abs(after[:, 1] - before[:, 1]).max() > 1e-3


def test_the_loss_is_that_of_the_settings():
    moved, target = source("advection"), frames(2, seed=1)
    forecast, mse = small("advection", loss="mse").forecast_and_loss(moved, target)
    error = forecast.asnumpy() - target.asnumpy()
    assert float(mse) == pytest.approx((error**2).mean(), rel=1e-5)
    backbone = small("advection")
    forecast, events = backbone.forecast_and_loss(moved, target)
    assert float(events) == pytest.approx(float(backbone.event_error(forecast, target)), rel=1e-6)
    assert float(events) != pytest.approx(float(mse), rel=1e-2)
