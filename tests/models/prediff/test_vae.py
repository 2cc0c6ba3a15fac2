import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.prediff.discriminator import PatchDiscriminator
from mindcast.models.prediff.settings import AutoencoderSettings
from mindcast.models.prediff.vae import (
    Autoencoder,
    gaussian_nll,
    kl_between,
    kl_to_standard_normal,
    split_moments,
)
from mindcast.models.prediff.vae_blocks import AttentionBlock, Downsample, ResnetBlock

TINY = AutoencoderSettings(
    latent_channels=3, block_channels=(2, 4), layers_per_block=1, norm_groups=2
)


def normal(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def gaussian(rng):
    mean, logvar = rng.normal(size=(2, 1, 1)), rng.normal(size=(2, 1, 1))
    return mean.astype(np.float32)[:, None], logvar.astype(np.float32)[:, None]


def test_latents_are_smaller_by_the_factor_and_decode_to_the_frame_size():
    network = Autoencoder(TINY, in_channels=2)
    mean, logvar = network.encode(normal(2, 2, 8, 12))
    assert TINY.factor == 2
    assert mean.shape == logvar.shape == (2, 3, 4, 6)
    assert network.decode(mean).shape == (2, 2, 8, 12)


def test_features_before_the_last_layer_and_that_layer_make_the_decoder():
    network = Autoencoder(TINY)
    z = normal(1, 3, 4, 4)
    features = network.decoder_features(z)
    assert features.shape == (1, 2, 8, 8)
    np.testing.assert_array_equal(
        network.decoder.conv_out(features).asnumpy(), network.decode(z).asnumpy()
    )


def test_forward_pass_decodes_the_latent_that_the_noise_stands_for():
    network = Autoencoder(TINY)
    x, noise = normal(1, 1, 8, 8), normal(1, 3, 4, 4, seed=1)
    restored, mean, logvar = network(x, noise)
    z = mean.asnumpy() + np.exp(0.5 * logvar.asnumpy()) * noise.asnumpy()
    np.testing.assert_allclose(restored.asnumpy(), network.decode(Tensor(z)).asnumpy(), atol=3e-6)


def test_compiled_autoencoder_equals_the_eager_one():
    small = TINY.model_copy(update={"block_channels": (2,)})
    network = Autoencoder(small)
    x, noise = normal(1, 1, 4, 4), normal(1, 3, 4, 4, seed=1)

    @ms.jit
    def compiled(x, noise):
        return network(x, noise)

    for graph, eager in zip(compiled(x, noise), network(x, noise), strict=True):
        np.testing.assert_allclose(graph.asnumpy(), eager.asnumpy(), atol=1e-5)


def test_frames_of_a_batch_do_not_see_each_other():
    network = Autoencoder(TINY)
    x = normal(2, 1, 8, 8)
    together, alone = network.encode(x)[0], network.encode(x[1:])[0]
    np.testing.assert_allclose(together.asnumpy()[1:], alone.asnumpy(), atol=1e-5)


def test_same_seed_builds_the_same_autoencoder_and_another_seed_another():
    built = []
    for seed in (1, 1, 2):
        ms.set_seed(seed)
        built.append(Autoencoder(TINY).encoder.conv_in.weight.asnumpy())
    np.testing.assert_array_equal(built[0], built[1])
    assert np.abs(built[0] - built[2]).max() > 0


def test_downsampling_pads_below_and_right_only():
    # A kernel that copies its last tap shows pixel (2 i + 2, 2 j + 2), zero beyond the edge.
    cell = Downsample(1)
    kernel = np.zeros((1, 1, 3, 3), np.float32)
    kernel[..., 2, 2] = 1.0
    cell.conv.weight.set_data(Tensor(kernel))
    cell.conv.bias.set_data(Tensor(np.zeros(1, np.float32)))
    x = np.arange(16.0, dtype=np.float32).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(cell(Tensor(x)).asnumpy()[0, 0], [[10, 0], [0, 0]])


def test_attention_without_output_projection_returns_its_input():
    cell = AttentionBlock(4, groups=2, head_channels=2)
    assert cell.heads == 2
    for parameter in (cell.proj_attn.weight, cell.proj_attn.bias):
        parameter.set_data(Tensor(np.zeros(parameter.shape, np.float32)))
    x = normal(2, 4, 3, 5)
    np.testing.assert_array_equal(cell(x).asnumpy(), x.asnumpy())


def test_resnet_block_has_a_shortcut_only_where_channels_change():
    for channels, shortcut in ((4, False), (6, True)):
        names = {p.name for p in ResnetBlock(4, channels, 2).get_parameters()}
        assert ("conv_shortcut.weight" in names) is shortcut


def test_log_variance_is_limited_on_both_sides():
    moments = np.array([1.0, 2.0, 3.0, -99.0, 5.0, 99.0], np.float32).reshape(1, 6, 1, 1)
    mean, logvar = split_moments(Tensor(moments))
    assert mean.asnumpy().ravel().tolist() == [1, 2, 3]
    assert logvar.asnumpy().ravel().tolist() == [-30, 5, 20]


def test_kl_to_the_standard_normal_is_the_kl_between_for_mean_0_and_variance_1():
    mean, logvar = (Tensor(a) for a in gaussian(np.random.default_rng(0)))
    zero = Tensor(np.zeros(mean.shape, np.float32))
    expected = kl_between(mean, logvar, zero, zero).asnumpy()
    np.testing.assert_allclose(kl_to_standard_normal(mean, logvar).asnumpy(), expected, rtol=1e-6)


def test_kl_between_gaussians_equals_its_integral():
    rng = np.random.default_rng(0)
    (m, v), (other_m, other_v) = gaussian(rng), gaussian(rng)
    x = np.linspace(-30.0, 30.0, 60001)
    density, other = (
        np.exp(-((x - a) ** 2) / (2 * np.exp(b))) / np.sqrt(2 * np.pi * np.exp(b))
        for a, b in (
            (m.reshape(2, 1), v.reshape(2, 1)),
            (other_m.reshape(2, 1), other_v.reshape(2, 1)),
        )
    )
    tiny = 1e-300
    expected = (density * (np.log(density + tiny) - np.log(other + tiny))).sum(1) * (x[1] - x[0])
    got = kl_between(*(Tensor(a) for a in (m, v, other_m, other_v))).asnumpy()
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_gaussian_nll_is_minus_the_log_density():
    rng = np.random.default_rng(0)
    mean, logvar = gaussian(rng)
    sample = np.float32(0.3)
    density = np.exp(-((sample - mean) ** 2) / (2 * np.exp(logvar)))
    expected = -np.log(density / np.sqrt(2 * np.pi * np.exp(logvar))).ravel()
    got = gaussian_nll(Tensor(np.full(mean.shape, sample)), Tensor(mean), Tensor(logvar))
    np.testing.assert_allclose(got.asnumpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(("layers", "size"), [(1, 6), (3, 2)])
def test_discriminator_judges_patches(layers, size):
    # 16 / 2^1 - 2 = 6, 32 / 2^3 - 2 = 2
    side = (size + 2) * 2**layers
    assert PatchDiscriminator(1, 2, layers)(normal(1, 1, side, side)).shape == (1, 1, size, size)


def test_discriminator_doubles_its_width_up_to_eightfold():
    cell = PatchDiscriminator(1, 3, 5)
    widths = [p.shape[0] for p in cell.get_parameters() if p.ndim == 4]
    assert widths == [3, 6, 12, 24, 24, 24, 1]


def test_discriminator_weights_start_near_zero_and_norm_weights_near_one():
    cell = PatchDiscriminator(1, 64, 2)
    assert cell.main[2].weight.asnumpy().std() == pytest.approx(0.02, rel=0.05)
    assert cell.main[3].weight.asnumpy().mean() == pytest.approx(1.0, abs=0.01)
    assert cell.main[3].weight.asnumpy().std() == pytest.approx(0.02, rel=0.3)
