import numpy as np
import pytest

from mindcast.diffusion.schedules import SCHEDULES, beta_schedule
from mindcast.refusal import Refusal


@pytest.mark.parametrize("name", SCHEDULES)
def test_betas_are_float64_rise_and_stay_between_0_and_1(name):
    beta = beta_schedule(name, 40)
    assert beta.shape == (40,)
    assert beta.dtype == np.float64
    assert (np.diff(beta) >= 0).all()
    assert beta[0] > 0
    assert beta[-1] < 1


def test_linear_is_linear_in_the_root_of_beta():
    # roots 0.1, 0.2, 0.3
    np.testing.assert_allclose(beta_schedule("linear", 3, 0.01, 0.09), [0.01, 0.04, 0.09])


def test_sqrt_linear_is_linear_in_beta():
    np.testing.assert_allclose(beta_schedule("sqrt_linear", 3, 0.01, 0.09), [0.01, 0.05, 0.09])


def test_sqrt_takes_the_root_of_the_linear_values():
    np.testing.assert_allclose(beta_schedule("sqrt", 3, 0.01, 0.09), [0.1, 0.05**0.5, 0.3])


def test_cosine_halves_alpha_bar_in_the_middle_and_caps_beta():
    # without offset alpha_bar(T/2) = cos^2(pi/4) = 1/2, and the last beta would be 1
    beta = beta_schedule("cosine", 100, offset=0.0)
    assert np.cumprod(1 - beta)[49] == pytest.approx(0.5)
    assert beta[-1] == 0.999


def test_released_linear_schedule_ends_at_its_known_alpha_bar():
    # Gao et al. 2023, released configuration: alpha_bar at the last of 1000 times is 7.3341e-4
    assert np.cumprod(1 - beta_schedule("linear", 1000))[-1] == pytest.approx(7.3341e-4, rel=1e-4)


def test_unknown_schedule_is_refused_with_the_known_names():
    with pytest.raises(
        Refusal, match="'square', expected one of linear, sqrt_linear, cosine, sqrt"
    ):
        beta_schedule("square", 10)


def test_no_timesteps_are_refused():
    with pytest.raises(Refusal, match="timesteps: 0, must be at least 1"):
        beta_schedule("linear", 0)


def test_sigmoid_is_symmetric_about_the_middle():
    # sigmoid(3) - sigmoid(6 u - 3) and what is left of it at 1 - u add up to the whole
    alpha_bar = np.append(1.0, np.cumprod(1 - beta_schedule("sigmoid", 100)))
    np.testing.assert_allclose(alpha_bar[:99] + alpha_bar[:1:-1], 1, atol=2e-5)
    assert alpha_bar[50] == pytest.approx(0.5, abs=1e-6)


def test_released_sigmoid_schedule_ends_in_all_but_pure_noise():
    # Yu et al. 2024, released checkpoints: alpha_bar 3.0e-7 after a last beta of 0.999
    beta = beta_schedule("sigmoid", 1000)
    assert beta[-1] == 0.999
    assert np.cumprod(1 - beta)[-1] == pytest.approx(3.0e-7, rel=0.02)


def test_a_rescaled_linear_schedule_of_half_the_length_has_twice_the_betas():
    ends = beta_schedule("linear_rescaled", 500)[[0, -1]]
    np.testing.assert_allclose(ends, [2e-4, 4e-2])
    usual = beta_schedule("linear_rescaled", 1000)
    np.testing.assert_array_equal(usual, beta_schedule("sqrt_linear", 1000))


def test_a_very_short_rescaled_linear_schedule_is_capped():
    assert beta_schedule("linear_rescaled", 5)[-1] == 0.999


def test_the_cap_of_the_cosine_schedule_is_a_choice():
    usual = beta_schedule("cosine", 1000)
    higher = beta_schedule("cosine", 1000, largest=0.9999)
    assert usual[-1] == 0.999
    assert higher[-1] == 0.9999
    np.testing.assert_array_equal(usual[:-1], higher[:-1])
