from dataclasses import replace

import numpy as np
import pytest
from mindspore import Tensor

from mindcast.compiled import arguments
from mindcast.models.geodiff import stages
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.statistics import LevelMoments, PriorMoments
from mindcast.models.geodiff.training_losses import DeterministicLoss
from mindcast.models.geodiff.upsampling import SHIFT_K, upsample
from mindcast.physics.resample import bicubic
from mindcast.samples import Sample
from tests.models.geodiff.small import FINE, built, primary_of, sample, settings_of, tensors


def test_untrained_field_is_bicubic_interpolation():
    given = sample().input
    network = built(DeterministicNetwork, settings_of())
    made = network(*arguments(network, given.named)).asnumpy()
    reduced = given.temperature_lr[..., 0].astype(np.float64) - SHIFT_K
    np.testing.assert_allclose(made, bicubic(reduced, 2), rtol=0, atol=1e-5)
    alone = upsample(Tensor(given.temperature_lr[..., 0]) - SHIFT_K, 2, *FINE)
    np.testing.assert_array_equal(made, alone.asnumpy())


@pytest.mark.parametrize(
    "unet",
    [
        {"upsample": "nearest_conv"},
        {"padding_mode": "replicate"},
        {"level_coordinate": "ln_p"},
        {"linear_attention": False},
    ],
)
def test_every_option_of_the_network_changes_the_output(unet):
    plain = settings_of()
    changed = settings_of(deterministic={**plain.deterministic.model_dump(), **unet})
    outputs = [
        primary_of(built(DeterministicNetwork, settings, stir=0.1), sample())
        for settings in (plain, changed)
    ]
    assert outputs[0].shape == outputs[1].shape
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


def test_replicate_padding_gives_a_constant_field_for_a_constant_one():
    unet = settings_of().deterministic.model_dump()
    unet |= {"padding_mode": "replicate", "upsample": "nearest_conv"}
    given = sample().input.mapped(np.ones_like)
    given = replace(given, temperature_lr=280 * given.temperature_lr)
    network = built(DeterministicNetwork, settings_of(deterministic=unet), stir=0.1)
    made = primary_of(network, Sample(given))
    np.testing.assert_allclose(made, made[..., :1, :1] * np.ones_like(made), atol=1e-3)


def test_calibration_takes_over_the_moments_of_the_training_split():
    network, batches = built(DeterministicNetwork, settings_of()), [sample(seed=1), sample(seed=2)]
    stages.calibrate_deterministic(settings_of(), network, {}, iter(batches))
    truth = np.concatenate([b.truth for b in batches]).astype(np.float64)
    statistics = network.primary_statistics
    np.testing.assert_allclose(statistics.mean.asnumpy(), truth.mean((0, 2, 3, 4)), rtol=1e-6)
    np.testing.assert_allclose(statistics.std.asnumpy(), truth.std((0, 2, 3, 4)), rtol=1e-5)
    priors = np.concatenate([b.input.priors_lr for b in batches]).astype(np.float64)[..., :6]
    np.testing.assert_allclose(
        statistics.prior_mean.asnumpy(), priors.mean((0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(statistics.prior_std.asnumpy(), priors.std((0, 2, 3)), rtol=1e-4)
    assert not statistics.mean.requires_grad


def test_samples_without_winds_do_not_count_in_the_moments_of_what_needs_winds():
    rng, moments = np.random.default_rng(0), PriorMoments()
    fields = rng.normal(size=(2, 3, 6, 4, 4))
    moments.update(fields, np.array([1.0, 0.0]))
    mean, std = moments.mean_and_std()
    np.testing.assert_allclose(mean[:, :2], fields[0, :, :2].mean((2, 3)))
    np.testing.assert_allclose(mean[:, 2:], fields[:, :, 2:].mean((0, 3, 4)))
    moments = PriorMoments()
    moments.update(fields, np.zeros(2))
    mean, std = moments.mean_and_std()
    np.testing.assert_array_equal(mean[:, :2], 0)
    np.testing.assert_array_equal(std[:, :2], 1)


def test_a_constant_level_has_a_floor_for_its_deviation():
    moments = LevelMoments()
    moments.update(np.full((2, 3, 4), 280.0))
    np.testing.assert_array_equal(moments.mean_and_std()[1], 1e-6)


def test_priors_are_clipped_and_blanked_where_winds_are_absent():
    network = built(DeterministicNetwork, settings_of())
    priors = np.full_like(sample().input.priors_lr, 100.0)
    priors[..., 6] = [[[[1.0]]], [[[0.0]]]]
    seen = network.fine_priors(*tensors([priors, sample().input.statics])).asnumpy()
    np.testing.assert_allclose(seen[0, :, :6], 8.0, rtol=1e-6)
    np.testing.assert_allclose(seen[1, :, 2:6], 8.0, rtol=1e-6)
    np.testing.assert_array_equal(seen[1, :, :2], 0)
    np.testing.assert_allclose(
        seen[:, :, 6], [np.ones((3, 8, 12)), np.zeros((3, 8, 12))], atol=1e-6
    )


def test_loss_of_the_untrained_network_has_the_rmse_of_bicubic():
    samples = sample()
    network = built(DeterministicNetwork, settings_of())
    loss = DeterministicLoss(network, settings_of())
    _, values = loss(*arguments(loss, samples.named))
    named = dict(zip(loss.diagnostic_names, (float(v.asnumpy()) for v in values), strict=True))
    coarse = samples.input.temperature_lr[..., 0].astype(np.float64)
    error = bicubic(coarse, 2) - samples.truth[..., 0]
    assert named["rmse"] == named["rmse_bicubic"]
    assert named["rmse"] == pytest.approx((error**2).mean(), rel=1e-4)
    physics = named["static"] + 0.5 * named["gradient"]
    physics += 0.25 * (named["thickness"] + named["correlation"])
    assert named["total"] == pytest.approx(named["charbonnier"] + 0.1 * physics, rel=1e-5)
