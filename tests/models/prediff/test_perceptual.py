import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.prediff.perceptual import (
    STAGES,
    PerceptualDistance,
    load_perceptual_distance,
    perceptual_keys,
)
from mindcast.models.prediff.settings import AdversarySettings
from mindcast.refusal import Refusal


def tiny_weights(width=2):
    rng = np.random.default_rng(0)
    weights, channels = {}, 3
    for k, stage in enumerate(STAGES):
        for index in stage:
            weights[f"features.{index}.weight"] = rng.normal(size=(width, channels, 3, 3))
            weights[f"features.{index}.bias"] = rng.normal(size=width)
            channels = width
        weights[f"lin{k}.model.1.weight"] = rng.uniform(size=(1, width, 1, 1))
    return weights


def frames(seed, channels=1):
    values = np.random.default_rng(seed).uniform(size=(2, channels, 16, 16))
    return Tensor(values.astype(np.float32))


def test_distance_is_zero_for_equal_frames_and_positive_for_others():
    distance = PerceptualDistance(tiny_weights())
    assert not distance(frames(0), frames(0)).asnumpy().any()
    assert (distance(frames(0), frames(1)).asnumpy() > 0).all()
    assert distance(frames(0), frames(1)).shape == (2,)


def test_one_channel_counts_as_three_equal_ones():
    distance = PerceptualDistance(tiny_weights())
    triple = [Tensor(np.repeat(frames(seed).asnumpy(), 3, 1)) for seed in (0, 1)]
    single = distance(frames(0), frames(1)).asnumpy()
    np.testing.assert_allclose(distance(*triple).asnumpy(), single, rtol=1e-5)


def test_first_stage_compares_pixelwise_normalised_features():
    # Only the first stage counts; its two layers pass the three channels through unchanged.
    weights = {name: np.zeros_like(array) for name, array in tiny_weights(3).items()}
    for index in STAGES[0]:
        weights[f"features.{index}.weight"][range(3), range(3), 1, 1] = 1.0
    weights["lin0.model.1.weight"][:] = 1.0
    x, y = frames(0, 3).asnumpy() + 0.5, frames(1, 3).asnumpy() + 0.5  # positive once scaled
    scaled = []
    for image in (x, y):
        shift = np.reshape([-0.030, -0.088, -0.188], (1, 3, 1, 1))
        image = (image - shift) / np.reshape([0.458, 0.448, 0.450], (1, 3, 1, 1))
        scaled.append(image / np.linalg.norm(image, axis=1, keepdims=True))
    expected = ((scaled[0] - scaled[1]) ** 2).sum(1).mean((1, 2))
    got = PerceptualDistance(weights)(Tensor(x), Tensor(y)).asnumpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_gradient_is_finite_where_no_feature_is_active():
    weights = tiny_weights()
    weights["features.0.weight"][:] = 0.0
    weights["features.0.bias"][:] = -1.0
    weights["features.2.bias"][:] = -1.0
    gradient = ms.grad(lambda y: PerceptualDistance(weights)(frames(0), y).sum())(frames(1))
    assert np.isfinite(gradient.asnumpy()).all()


def test_weights_of_the_distance_are_not_trained():
    assert PerceptualDistance(tiny_weights()).trainable_params() == []


@pytest.mark.parametrize("suffix", ["npz", "ckpt"])
def test_weights_are_read_from_either_kind_of_file(tmp_path, suffix):
    weights = {name: array.astype(np.float32) for name, array in tiny_weights().items()}
    path = tmp_path / f"vgg.{suffix}"
    if suffix == "npz":
        np.savez(path, **weights)
    else:
        ms.save_checkpoint([{"name": k, "data": Tensor(v)} for k, v in weights.items()], str(path))
    settings = AdversarySettings(perceptual_weight=0.1, perceptual_weights_path=str(path))
    got = load_perceptual_distance(settings)(frames(0), frames(1)).asnumpy()
    expected = PerceptualDistance(weights)(frames(0), frames(1)).asnumpy()
    np.testing.assert_array_equal(got, expected)


def test_missing_file_is_refused_naming_both_keys():
    settings = AdversarySettings(perceptual_weight=0.1, perceptual_weights_path="none.npz")
    message = (
        "perceptual_weights_path: 'none.npz', expected an .npz or .ckpt file of VGG16 and LPIPS "
        "weights because perceptual_weight = 0.1; name one or set perceptual_weight to 0"
    )
    with pytest.raises(Refusal) as refused:
        load_perceptual_distance(settings)
    assert str(refused.value) == message


def test_incomplete_file_is_refused_naming_the_first_missing_array(tmp_path):
    weights = tiny_weights()
    del weights["features.5.bias"]
    np.savez(tmp_path / "vgg.npz", **weights)
    settings = AdversarySettings(
        perceptual_weight=0.1, perceptual_weights_path=str(tmp_path / "vgg.npz")
    )
    with pytest.raises(Refusal, match=r"vgg.npz: no array 'features.5.bias' \(1 missing\)"):
        load_perceptual_distance(settings)


def test_vgg16_has_thirteen_convolutions_and_lpips_five_weightings():
    assert len(perceptual_keys()) == 13 * 2 + 5
