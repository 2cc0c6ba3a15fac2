import numpy as np
import pytest

from mindcast.diffusion.process import SMALLEST_VARIANCE, DiffusionProcess, vlb_weights

BETA = np.array([0.1, 0.2])  # alpha_bar = 0.9, 0.9 x 0.8 = 0.72


def test_alpha_bar_and_its_predecessor():
    process = DiffusionProcess(BETA)
    np.testing.assert_allclose(process.alpha_bar, [0.9, 0.72])
    np.testing.assert_allclose(process.alpha_bar_previous, [1.0, 0.9])
    assert process.timesteps == 2


def test_posterior_of_two_known_betas():
    posterior = DiffusionProcess(BETA).posterior(1)
    assert posterior.variance == pytest.approx(0.2 * 0.1 / 0.28)
    assert posterior.x0_coefficient == pytest.approx(0.2 * 0.9**0.5 / 0.28)
    assert posterior.x_coefficient == pytest.approx(0.1 * 0.8**0.5 / 0.28)


def test_posterior_before_the_first_time_is_clean_data():
    posterior = DiffusionProcess(BETA).posterior(0)
    assert posterior.x0_coefficient == pytest.approx(1)
    assert posterior.x_coefficient == 0
    assert posterior.variance == 0
    assert posterior.log_variance == pytest.approx(np.log(SMALLEST_VARIANCE))


def test_posterior_takes_an_array_of_times():
    process = DiffusionProcess(BETA)
    together = process.posterior(np.array([1, 0]))
    assert together.variance.tolist() == [process.posterior(t).variance for t in (1, 0)]


def test_v_posterior_1_gives_beta_as_variance():
    np.testing.assert_allclose(DiffusionProcess(BETA, v_posterior=1).posterior_variance, BETA)


def test_respaced_process_keeps_alpha_bar_at_the_visited_times():
    process = DiffusionProcess(np.linspace(0.01, 0.2, 30))
    times = np.array([4, 17, 29])
    np.testing.assert_allclose(process.respaced(times).alpha_bar, process.alpha_bar[times])


def test_respacing_to_every_time_changes_nothing():
    process = DiffusionProcess(np.linspace(0.01, 0.2, 30))
    same = process.respaced(np.arange(30))
    np.testing.assert_allclose(same.posterior_variance, process.posterior_variance, rtol=1e-9)


def test_bound_weights_repeat_the_second_value_at_time_0():
    # 0.2^2 / (2 x (0.2 x 0.1 / 0.28) x 0.8 x 0.28) = 0.04 / 0.032 = 1.25
    process = DiffusionProcess(BETA)
    weights = vlb_weights(BETA, process.posterior_variance, process.alpha, process.alpha_bar)
    np.testing.assert_allclose(weights, [1.25, 1.25])
