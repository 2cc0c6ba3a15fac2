import math

import numpy as np
import pytest

from mindcast.motion.perturbation import motion_rng, perturbed, smooth_noise
from mindcast.motion.settings import MotionSettings


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(scale, frame=(48, 64), count=300):
    """Many fields of smooth noise (count, H, W, 2)."""
    generator = rng()
    return np.stack([smooth_noise(frame, scale, generator) for _ in range(count)])


@pytest.mark.parametrize("scale", [0.1, 2.0, 12.0])
def test_smooth_noise_has_mean_0_and_variance_1_at_every_place(scale):
    noise = drawn(scale)
    assert noise.dtype == np.float32
    for place in ((0, 0), (47, 63), (20, 30)):  # corners and the middle
        values = noise[:, *place]
        # of 600 draws: the mean is within 4 / sqrt(600), the variance within 4 sqrt(2 / 600)
        assert abs(values.mean()) < 0.17
        assert values.var() == pytest.approx(1, abs=0.24)


def test_smooth_noise_stays_alike_over_its_scale():
    noise = drawn(6.0)
    for distance in (3, 6, 12, 24):
        found = (noise[:, :, 8] * noise[:, :, 8 + distance]).mean()
        # white noise under a Gaussian of standard deviation s: exp(-d^2 / (4 s^2))
        assert found == pytest.approx(math.exp(-((distance / 12) ** 2)), abs=0.08)


def test_the_two_axes_err_independently():
    noise = drawn(6.0)
    assert abs((noise[..., 0] * noise[..., 1]).mean()) < 0.05


def test_the_error_of_the_whole_frame_is_one_normal_draw_along_each_axis():
    field = rng(1).normal(size=(20, 24, 2)).astype(np.float32)
    settings = MotionSettings(spread=0.5, local_spread=0)
    expected = field + 0.5 * rng(7).standard_normal(2)
    made = perturbed(field, settings, rng(7))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_the_local_error_has_its_own_size_and_scale():
    field = np.zeros((40, 60, 2), np.float32)
    settings = MotionSettings(spread=0, local_spread=0.3, local_scale=0.25)
    generator = rng(7)
    generator.standard_normal(2)  # of the whole frame, which is not seen
    # a quarter of the shorter side
    np.testing.assert_allclose(
        perturbed(field, settings, rng(7)), 0.3 * smooth_noise((40, 60), 10.0, generator), atol=1e-6
    )


def test_motion_without_an_error_is_the_best_estimate():
    field = rng(1).normal(size=(20, 24, 2)).astype(np.float32)
    settings = MotionSettings(spread=0, local_spread=0)
    np.testing.assert_array_equal(perturbed(field, settings, rng()), field)


def test_the_draws_of_a_member_depend_on_seed_key_and_member_and_are_not_its_noise():
    def first(*numbers):
        return motion_rng(*numbers).standard_normal()

    assert first(1, 2, 3) == first(1, 2, 3)
    noise = np.random.default_rng(np.random.SeedSequence([1, 2, 3])).standard_normal()
    assert len({first(1, 2, 3), first(0, 2, 3), first(1, 0, 3), first(1, 2, 0), noise}) == 5
