import numpy as np
import pytest
from mindspore import Tensor

from mindcast.diffusion.noising import ForwardNoising
from mindcast.diffusion.prediction import (
    KINDS,
    DynamicThreshold,
    ToX0,
    TrainingTarget,
    loss_weights,
    snr_weights,
)
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.schedules import beta_schedule
from mindcast.refusal import Refusal

PROCESS = DiffusionProcess(beta_schedule("linear", 100))
T = np.array([0, 40, 99], np.int32)


def clean_and_noise(shape=(3, 2, 4)):
    rng = np.random.default_rng(3)
    return [Tensor(rng.standard_normal(shape, np.float32)) for _ in range(2)]


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 4, 4, 1)])
def test_noising_mixes_signal_and_noise_by_the_time_of_each_sample(shape):
    x0, noise = clean_and_noise(shape)
    noisy = ForwardNoising(PROCESS)(x0, Tensor(T), noise).asnumpy()
    for n, t in enumerate(T):
        signal, spread = PROCESS.alpha_bar[t] ** 0.5, (1 - PROCESS.alpha_bar[t]) ** 0.5
        expected = signal * x0.asnumpy()[n] + spread * noise.asnumpy()[n]
        np.testing.assert_allclose(noisy[n], expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_says_the_target_recovers_the_clean_data(kind):
    x0, noise = clean_and_noise()
    x = ForwardNoising(PROCESS)(x0, Tensor(T), noise)
    target = TrainingTarget(PROCESS, kind)(x0, Tensor(T), noise)
    recovered = ToX0(PROCESS, kind)(target, x, Tensor(T))
    np.testing.assert_allclose(recovered.asnumpy(), x0.asnumpy(), atol=1e-5)


def test_targets_are_what_their_names_say():
    x0, noise = clean_and_noise()
    target = {kind: TrainingTarget(PROCESS, kind)(x0, Tensor(T), noise).asnumpy() for kind in KINDS}
    np.testing.assert_array_equal(target["epsilon"], noise.asnumpy())
    np.testing.assert_array_equal(target["x0"], x0.asnumpy())
    s, r = PROCESS.sqrt_alpha_bar[40], PROCESS.sqrt_one_minus_alpha_bar[40]
    expected = s * noise.asnumpy()[1] - r * x0.asnumpy()[1]
    np.testing.assert_allclose(target["v"][1], expected, atol=1e-6)


def test_the_estimate_is_clipped_where_asked():
    output, x = clean_and_noise()
    x0 = ToX0(PROCESS, "x0", (-0.5, 0.25))(output, x, Tensor(T)).asnumpy()
    np.testing.assert_array_equal(x0, np.clip(output.asnumpy(), -0.5, 0.25))


def test_bound_weights_of_all_kinds_judge_the_same_error_alike():
    # an error d of x0 is one of d s/r in epsilon and of d/r in v (table of the module)
    s2, r2 = PROCESS.alpha_bar, 1 - PROCESS.alpha_bar
    of_x0 = loss_weights(PROCESS, "x0")
    np.testing.assert_allclose(loss_weights(PROCESS, "epsilon") * s2 / r2, of_x0)
    np.testing.assert_allclose(loss_weights(PROCESS, "v") / r2, of_x0)


def test_bound_weight_of_x0_is_the_squared_posterior_coefficient_over_twice_the_variance():
    of_x0 = loss_weights(PROCESS, "x0")[1:]
    expected = PROCESS.posterior_x0_coefficient[1:] ** 2 / (2 * PROCESS.posterior_variance[1:])
    np.testing.assert_allclose(of_x0, expected, rtol=1e-9)


def test_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(Refusal, match="prediction: 'noise', expected one of epsilon, x0, v"):
        ToX0(PROCESS, "noise")


def test_snr_weights_turn_every_error_into_the_same_one_of_epsilon():
    # with s^2 = alpha_bar, r^2 = 1 - alpha_bar an error e of epsilon is e r / s in x0, e / s in v
    alpha_bar = PROCESS.alpha_bar
    np.testing.assert_allclose(snr_weights(PROCESS, "epsilon"), 1)
    np.testing.assert_allclose(snr_weights(PROCESS, "x0") * (1 - alpha_bar) / alpha_bar, 1)
    np.testing.assert_allclose(snr_weights(PROCESS, "v") / alpha_bar, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_largest_ratio_limits_the_weight_where_there_is_little_noise(kind):
    snr = PROCESS.alpha_bar / (1 - PROCESS.alpha_bar)
    share = snr_weights(PROCESS, kind, 5.0) / snr_weights(PROCESS, kind)
    np.testing.assert_allclose(share, np.minimum(snr, 5) / snr)
    assert share[0] < 1
    assert share[-1] == 1


def test_the_dynamic_threshold_is_the_quantile_of_each_sample_but_at_least_one():
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=(2, 3, 7)).astype(np.float32)
    x0[0] *= 4
    x0[1] *= 0.1
    got = DynamicThreshold(0.9)(Tensor(x0)).asnumpy()
    size = np.quantile(np.abs(x0[0]), 0.9)
    np.testing.assert_allclose(got[0], np.clip(x0[0], -size, size) / size, rtol=1e-5)
    np.testing.assert_allclose(got[1], x0[1], rtol=1e-6)
