import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.resample import nearest_resize
from mindcast.models.prediff import vae_loss
from mindcast.models.prediff.discriminator import PatchDiscriminator
from mindcast.models.prediff.settings import AdversarySettings
from mindcast.models.prediff.vae import split_moments
from mindcast.models.prediff.vae_loss import (
    DiscriminatorLoss,
    GeneratorLoss,
    ReconstructionLoss,
    frames_of,
    hinge_loss,
    vanilla_loss,
)
from mindcast.refusal import Refusal

OBJECTIVE = AdversarySettings(kl_weight=1e-2, layers=1, channels=2)


class TinyDecoder(nn.Cell):
    def __init__(self):
        super().__init__()
        self.conv_in = Conv2d(2, 3, 3, padding=1)
        self.conv_out = Conv2d(3, 1, 3, padding=1)


class TinyAutoencoder(nn.Cell):
    """What the losses use of an autoencoder, in three convolutions."""

    def __init__(self):
        super().__init__()
        self.encoder = Conv2d(1, 4, 3, stride=2, padding=(0, 1, 0, 1))
        self.decoder = TinyDecoder()

    def construct(self, x, noise):
        mean, logvar = self.encode(x)
        z = self.sample(mean, logvar, noise)
        return self.decoder.conv_out(self.decoder_features(z)), mean, logvar

    def encode(self, x):
        return split_moments(self.encoder(x))

    def sample(self, mean, logvar, noise):
        return mean + ops.exp(0.5 * logvar) * noise

    def decoder_features(self, z):
        return ops.silu(self.decoder.conv_in(nearest_resize(z, 2 * z.shape[2], 2 * z.shape[3])))


def build(kind, settings=OBJECTIVE):
    ms.set_seed(0)
    networks = [TinyAutoencoder(), PatchDiscriminator(1, settings.channels, settings.layers)]
    if kind is ReconstructionLoss:
        return kind(networks[0], settings).set_train(True), *networks
    return kind(*networks, settings).set_train(True), *networks


def batch():
    rng = np.random.default_rng(0)
    sequence = rng.uniform(size=(1, 2, 8, 8, 1)).astype(np.float32)
    return Tensor(sequence), Tensor(rng.normal(size=(2, 2, 4, 4)).astype(np.float32))


def named(cell, diagnostics):
    return {n: float(d) for n, d in zip(cell.diagnostic_names, diagnostics, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [GeneratorLoss, DiscriminatorLoss])
def test_compiled_loss_equals_the_eager_one(kind):
    results = []
    for compiled in (False, True):
        cell, autoencoder, discriminator = build(kind)
        trained = discriminator if kind is DiscriminatorLoss else autoencoder
        step = ms.value_and_grad(cell, None, trained.trainable_params(), has_aux=True)
        (loss, diagnostics), gradients = (ms.jit(step) if compiled else step)(*batch())
        state = [p.asnumpy() for p in discriminator.get_parameters()]
        results.append([loss.asnumpy(), *diagnostics, *gradients, *state])
    for eager, graph in zip(*results, strict=True):
        eager, graph = np.asarray(eager), np.asarray(graph)
        np.testing.assert_allclose(graph, eager, atol=1e-4 * max(np.abs(eager).max(), 1e-3))


def gradients_of(function, parameters):
    return [g.asnumpy() for g in ms.grad(function, None, parameters)()]


def test_frames_fold_into_the_batch_sequence_by_sequence():
    sequence = np.arange(2 * 3 * 4 * 5 * 2).reshape(2, 3, 4, 5, 2)
    frames = frames_of(Tensor(sequence)).asnumpy()
    assert frames.shape == (6, 2, 4, 5)
    np.testing.assert_array_equal(frames[4, 1], sequence[1, 1, :, :, 1])


def test_nll_sums_pixels_and_averages_frames():
    # Frames of 4 x 4 with errors 0.5 and 0.25 everywhere: 16 (0.375 exp(-s) + s).
    frames = Tensor(np.zeros((2, 1, 4, 4), np.float32))
    restored = Tensor(np.array([0.5, -0.25], np.float32).reshape(2, 1, 1, 1)) + frames
    for s in (0.0, 0.3):
        cell = ReconstructionLoss(TinyAutoencoder(), OBJECTIVE, log_variance=s)
        nll, reconstruction = cell.nll(restored, frames)
        assert float(nll) == pytest.approx(16 * (0.375 * np.exp(-s) + s))
        assert float(reconstruction) == pytest.approx(0.375)


def test_total_is_nll_plus_weighted_kl_before_the_discriminator_joins():
    cell, _, _ = build(ReconstructionLoss)
    loss, diagnostics = cell(*batch())
    terms = named(cell, diagnostics)
    assert float(loss) == terms["total"]
    assert terms["total"] == pytest.approx(terms["nll"] + 1e-2 * terms["kl"])
    assert terms["nll"] == pytest.approx(64 * terms["reconstruction"])


def test_balance_is_the_ratio_of_the_gradient_norms_on_the_last_layer():
    cell, autoencoder, discriminator = build(GeneratorLoss)
    terms = named(cell, cell(*batch())[1])
    frames, noise = frames_of(batch()[0]), batch()[1]
    last = [autoencoder.decoder.conv_out.weight]
    (nll,) = gradients_of(lambda: cell.nll(autoencoder(frames, noise)[0], frames)[0], last)
    (fool,) = gradients_of(lambda: -discriminator(autoencoder(frames, noise)[0]).mean(), last)
    expected = 0.5 * np.linalg.norm(nll) / (np.linalg.norm(fool) + 1e-4)
    assert terms["balance"] == pytest.approx(expected, rel=1e-4)


def test_generator_gradient_is_that_of_the_sum_with_a_fixed_balance():
    cell, autoencoder, discriminator = build(GeneratorLoss)
    frames, noise = frames_of(batch()[0]), batch()[1]
    weights = autoencoder.trainable_params()
    terms = named(cell, cell(*batch())[1])

    def summed():
        restored, mean, logvar = autoencoder(frames, noise)
        fool = -discriminator(restored).mean()
        return cell.evidence(frames, restored, mean, logvar)[0] + terms["balance"] * fool

    assert terms["total"] == pytest.approx(float(summed()), rel=1e-5)
    got = gradients_of(lambda: cell(*batch())[0], weights)
    for gradient, expected in zip(got, gradients_of(summed, weights), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-4 * np.abs(expected).max())


def test_each_loss_leaves_the_other_network_without_gradient():
    generator, _, discriminator = build(GeneratorLoss)
    critic, autoencoder, _ = build(DiscriminatorLoss)
    for cell, other in ((generator, discriminator), (critic, autoencoder)):
        for gradient in gradients_of(lambda c=cell: c(*batch())[0], other.trainable_params()):
            assert not gradient.any()


def test_generator_loss_in_evaluation_is_the_reconstruction_loss_and_moves_nothing():
    cell, autoencoder, discriminator = build(GeneratorLoss)
    before = [p.asnumpy() for p in discriminator.get_parameters()]
    cell.set_train(False)
    loss, diagnostics = cell(*batch())
    assert float(loss) == float(ReconstructionLoss(autoencoder, OBJECTIVE)(*batch())[0])
    assert named(cell, diagnostics)["balance"] == 0.0
    for parameter, old in zip(discriminator.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), old)


def test_one_training_step_moves_the_running_statistics_once_a_pass():
    # The generator passes once through the discriminator, the discriminator's loss twice: the
    # share 0.9^k of the starting mean, 1 here, is left after k passes of frames without signal.
    for kind, passes in ((GeneratorLoss, 1), (DiscriminatorLoss, 2)):
        cell, _, discriminator = build(kind)
        norm = discriminator.main[3]
        discriminator.main[2].weight.set_data(ops.zeros_like(discriminator.main[2].weight))
        norm.running_mean.set_data(ops.ones_like(norm.running_mean))
        cell(*batch())
        np.testing.assert_allclose(norm.running_mean.asnumpy(), 0.9**passes, rtol=1e-6)


def test_loss_cells_keep_the_parameter_names_of_their_networks():
    _, autoencoder, discriminator = build(GeneratorLoss)
    assert autoencoder.decoder.conv_out.weight.name == "decoder.conv_out.weight"
    assert discriminator.main[3].running_mean.name == "main.3.running_mean"


def test_hinge_and_vanilla_losses_have_their_derived_values():
    real, fake = Tensor([2.0, 0.0]), Tensor([-3.0, 1.0])
    # relu(1 - real) = 0, 1; relu(1 + fake) = 0, 2: (0.5 + 1) / 2
    assert float(hinge_loss(real, fake)) == pytest.approx(0.75)
    expected = 0.5 * (np.log1p(np.exp([-2.0, 0.0])).mean() + np.log1p(np.exp([-3.0, 1.0])).mean())
    assert float(vanilla_loss(real, fake)) == pytest.approx(expected)


def test_the_discriminator_loss_that_the_settings_name_is_used():
    for name, function in (("hinge", hinge_loss), ("vanilla", vanilla_loss)):
        settings = OBJECTIVE.model_copy(update={"loss": name, "factor": 3.0})
        cell, autoencoder, discriminator = build(DiscriminatorLoss, settings)
        frames = frames_of(batch()[0])
        restored = autoencoder(frames, batch()[1])[0]
        expected = 3.0 * float(function(discriminator(frames), discriminator(restored)))
        assert float(cell(*batch())[0]) == pytest.approx(expected, rel=1e-5)


def test_perceptual_distance_joins_the_error_and_its_gradient_the_balance(monkeypatch):
    # A distance of 2 mean(restored): error |x - y| + 0.5 * 2 mean(y).
    monkeypatch.setattr(
        vae_loss, "load_perceptual_distance", lambda _: lambda x, y: 2 * y.mean((1, 2, 3))
    )
    settings = OBJECTIVE.model_copy(update={"perceptual_weight": 0.5})
    cell, autoencoder, discriminator = build(GeneratorLoss, settings)
    frames, noise = frames_of(batch()[0]), batch()[1]
    restored = autoencoder(frames, noise)[0]
    expected = np.abs(frames - restored).mean() + restored.asnumpy().mean()
    terms = named(cell, cell(*batch())[1])
    assert terms["reconstruction"] == pytest.approx(float(expected), rel=1e-5)
    last = [autoencoder.decoder.conv_out.weight]
    (nll,) = gradients_of(lambda: cell.nll(autoencoder(frames, noise)[0], frames)[0], last)
    (fool,) = gradients_of(lambda: -discriminator(autoencoder(frames, noise)[0]).mean(), last)
    expected = 0.5 * np.linalg.norm(nll) / (np.linalg.norm(fool) + 1e-4)
    assert terms["balance"] == pytest.approx(expected, rel=1e-4)


def test_without_a_perceptual_weight_no_weights_are_asked_for():
    settings = OBJECTIVE.model_copy(update={"perceptual_weights_path": "none.npz"})
    assert ReconstructionLoss(TinyAutoencoder(), settings).perceptual is None
    settings = settings.model_copy(update={"perceptual_weight": 0.1})
    with pytest.raises(Refusal, match=r"perceptual_weights_path: 'none\.npz'"):
        ReconstructionLoss(TinyAutoencoder(), settings)
