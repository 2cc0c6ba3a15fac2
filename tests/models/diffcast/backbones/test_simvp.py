import numpy as np
import pytest
from mindspore import ops

from mindcast.models.diffcast.backbones.settings import SimVPSettings
from tests.models.diffcast.backbones.small import frames, small


def test_roll_out_is_the_single_pass_applied_to_its_own_output():
    backbone = small("simvp", context=2, target=6)
    block, blocks = frames(2), []
    for _ in range(3):
        block = backbone.forecast_once(block)
        blocks.append(block)
    np.testing.assert_array_equal(backbone(frames(2)).asnumpy(), ops.cat(blocks, 1).asnumpy())


def test_loss_is_the_mean_squared_error_of_all_frames():
    backbone = small("simvp", context=2, target=4)
    target = frames(4, seed=1)
    prediction, loss = backbone.forecast_and_loss(frames(2), target)
    expected = np.square(prediction.asnumpy() - target.asnumpy()).mean()
    np.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("layers", [1, 3, 4])
def test_decoder_undoes_the_encoder_s_halvings_whatever_their_number(layers):
    backbone = small("simvp", spatial_layers=layers)
    assert backbone(frames(2)).shape == (2, 2, 1, 8, 8)
    latent, first = backbone.enc(frames(2)[:, 0])
    assert latent.shape[2] == 8 // 2 ** (layers // 2)
    assert first.shape[2] == 8


def test_groups_that_do_not_divide_half_the_width_become_one():
    assert SimVPSettings(temporal_channels=24).branch_groups == 1
    backbone = small("simvp", temporal_channels=6)
    weights = {p.name: p.shape for p in backbone.get_parameters()}
    assert weights["hid.enc.0.layers.0.conv.weight"] == (6, 3, 3, 3)


def test_convolutions_of_encoder_and_decoder_start_without_bias():
    backbone = small("simvp", spatial_layers=2)
    values = {p.name: p.asnumpy() for p in backbone.get_parameters()}
    for name in ("enc.enc.1.conv.conv.bias", "dec.dec.0.conv.conv.0.bias"):
        assert not values[name].any()
    assert values["hid.enc.0.conv1.bias"].all()
