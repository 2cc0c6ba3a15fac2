import numpy as np

from mindcast.models.base import no_draws
from mindcast.models.diffcast import draws
from tests.models.diffcast.small import FRAME, TARGET, settings_of


def drawn(**diffusion):
    settings = settings_of(diffusion={"timesteps": 1000, **diffusion})
    return draws.for_segments(settings, np.random.default_rng(0), 50)


def test_a_backbone_alone_needs_no_random_numbers():
    assert no_draws(settings_of(), np.random.default_rng(0), 2) == {}


def test_every_segment_has_its_own_noise_level_in_all_the_range():
    made = drawn()
    t, noise = made["t"], made["noise"]
    assert t.shape == (50, 3)
    assert t.dtype == np.int32
    assert noise.shape == (50, TARGET, *FRAME, 1)
    assert noise.dtype == np.float32
    assert len(np.unique(t)) > 100
    assert 0 <= t.min() < 50
    assert 950 < t.max() < 1000


def test_a_shared_level_is_the_same_for_all_segments_of_a_sample_only():
    t = drawn(shared_time=True)["t"]
    assert (t == t[:, :1]).all()
    assert len(np.unique(t)) > 30


def test_noise_of_the_condition_is_drawn_where_it_is_wanted():
    made = drawn(conditioning_noise=0.1)
    noise, of_condition = made["noise"], made["conditioning_noise"]
    assert "conditioning_noise" not in drawn()
    assert of_condition.shape == noise.shape
    assert abs(np.corrcoef(noise.ravel(), of_condition.ravel())[0, 1]) < 0.05
