import numpy as np
import pytest

from mindcast.conversion.converted import convert
from mindcast.refusal import Refusal
from tests.conversion.states import choice, settings_of, state_of, stored

SMALL = (
    "model.autoencoder.latent_channels=2",
    "model.autoencoder.block_channels=[32]",
    "model.autoencoder.layers_per_block=1",
)
NAME = "decoder.conv_out.bias"
PHYDNET = (
    "model.denoiser={dim: 8, multiples: [1, 2]}",
    "model.phydnet={width: 16, lstm_channels: [5, 32], kernel: 5}",
)


@pytest.fixture(scope="module")
def whole():
    return state_of(settings_of("diffusion_cfg.yaml", *SMALL), "vae")


@pytest.fixture(scope="module")
def joint():
    return state_of(settings_of("diffcast_phydnet_cfg.yaml", *PHYDNET), "joint")


def refusal_of(content, *overrides):
    with pytest.raises(Refusal) as caught:
        convert(stored(content), choice(*overrides))
    return str(caught.value)


def test_missing_tensors_are_refused_by_the_first_names_and_their_number(whole):
    gone = {n: a for n, a in whole.items() if not n.startswith("decoder.mid_block.attentions")}
    # norm, query, key, value and projection, a weight and a bias each
    text = refusal_of(gone)
    assert "decoder.mid_block.attentions.0." in text
    assert "and 8 more (10 tensors) missing; use a whole file" in text


def test_tensors_that_are_left_over_are_refused(whole):
    text = refusal_of({**whole, "decoder.extra.weight": np.zeros((2, 2), np.float32)})
    assert text.startswith("decoder.extra.weight (1 tensor) left over, in no place of the network")


def test_missing_and_left_over_are_named_together(whole):
    other = {n.replace("conv_out", "conv_end"): a for n, a in whole.items()}
    text = refusal_of(other)
    assert "encoder.conv_out.weight, encoder.conv_out.bias and 2 more (4 tensors) missing" in text
    assert "encoder.conv_end.weight, encoder.conv_end.bias and 2 more (4 tensors) left over" in text


def test_tensors_in_a_section_of_unknown_use_are_refused(whole):
    text = refusal_of({"state_dict": whole, "extras": {"memory": np.zeros(2, np.float32)}})
    assert text.startswith("extras.memory (1 tensor) left over")


def test_another_shape_within_is_refused_as_the_first_difference(whole):
    text = refusal_of({**whole, NAME: np.zeros(2, np.float32)})
    assert f"{NAME} is (2,), the settings give (1,)" in text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(whole, value):
    assert f"{NAME} holds values that are not" in refusal_of({**whole, NAME: np.float32([value])})


def test_whole_numbers_are_no_weights(whole):
    assert f"{NAME} holds int64, expected" in refusal_of({**whole, NAME: np.zeros(1, np.int64)})


def test_numbers_beyond_float32_are_refused(whole):
    assert f"{NAME} holds values beyond float32, up to 1e+300" in refusal_of(
        {**whole, NAME: np.array([1e300])}
    )


def test_half_precision_comes_out_exact_and_double_is_rounded_and_said(whole):
    third = np.array([1 / 3])
    halves = {n: a.astype(np.float16) for n, a in whole.items()}  # the values are half numbers
    made = convert(stored({**halves, NAME: third}), choice())
    assert {a.dtype for a in made.arrays.values()} == {np.dtype(np.float32)}
    assert made.arrays[NAME] == np.float32(1 / 3)
    for name in whole.keys() - {NAME}:
        np.testing.assert_array_equal(made.arrays[name], whole[name])
    assert "rounded to float32: 1 tensors" in made.notes


def test_a_copy_of_a_tensor_that_is_another_one_is_refused(joint):
    name = "backbone_net.encoder.phycell.cell_list.0.convgate.bias"
    text = refusal_of({**joint, name: joint[name] + np.float32(1e-6)})
    assert text.startswith(f"{name} is not the copy of another tensor that it should be")


def test_a_buffer_that_the_settings_do_not_give_is_refused(joint):
    name = "backbone_net.k2m._M0"
    assert f"{name} has other values than the settings give" in refusal_of(
        {**joint, name: joint[name] * 1.01}
    )


def test_weights_trained_on_another_schedule_are_refused_until_it_is_told():
    settings = settings_of("diffcast_phydnet_cfg.yaml", *PHYDNET, "model.diffusion.schedule=cosine")
    state = state_of(settings, "joint")
    assert "betas has other values than the settings give" in refusal_of(state)
    made = convert(stored(state), choice("model.diffusion.schedule=cosine"))
    assert made.settings.model.diffusion.schedule == "cosine"


def test_weights_of_each_noise_level_in_the_loss_do_not_matter(joint):
    made = convert(stored({**joint, "loss_weight": joint["loss_weight"] * 0}), choice())
    assert made.stage == "joint"


def test_buffers_may_be_missing(joint):
    learned = {n: a for n, a in joint.items() if n not in ("betas", "backbone_net.k2m._M0")}
    made = convert(stored(learned), choice())
    back = made.reference()
    np.testing.assert_allclose(back["betas"], joint["betas"], rtol=1e-6)
