import numpy as np
import pytest

from mindcast.evaluation.nowcast.frechet import FeatureMoments, frechet_distance, i3d_input


def moments(features, batches=1):
    gathered = FeatureMoments(features.shape[1])
    for batch in np.array_split(features, batches):
        gathered.update(batch)
    return gathered


def test_moments_of_batches_are_those_of_the_whole():
    features = np.random.default_rng(0).standard_normal((50, 4)) + 1e4
    gathered = moments(features, batches=7)
    np.testing.assert_allclose(gathered.mean, features.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(gathered.covariance, np.cov(features.T), rtol=1e-10)


def test_distance_of_independent_gaussians():
    # variances 4/3 a^2 from (+-a, +-a): |m|^2 + sum (s1 - s2)^2, s = a sqrt(4 / 3)
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    distance = frechet_distance(moments(corners), moments(corners * [3, 1] + [0, 5]))
    assert distance == pytest.approx(25 + 4 / 3 * (3 - 1) ** 2)


def test_distance_to_itself_is_zero_even_with_fewer_vectors_than_features():
    features = np.random.default_rng(1).standard_normal((5, 12))
    assert frechet_distance(moments(features), moments(features)) == pytest.approx(0, abs=1e-9)


def test_one_vector_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2"):
        frechet_distance(moments(np.ones((1, 3))), moments(np.ones((4, 3))))


def test_i3d_gets_at_least_nine_frames_of_three_channels():
    videos = np.random.default_rng(2).random((2, 6, 20, 30, 1), np.float32)
    made = i3d_input(videos, resolution=10)
    assert made.shape == (2, 3, 12, 10, 10)
    assert made.min() >= -1
    np.testing.assert_array_equal(made[:, :, 0], made[:, :, 1])
    np.testing.assert_array_equal(made[:, 0], made[:, 2])
    # halving averages pixel pairs: output (0, 0) covers rows 0-1 and, cut by 5 // 2, columns 4-5
    expected = 2 * videos[:, 0, 0:2, 4:6, 0].mean(axis=(1, 2)) - 1
    np.testing.assert_allclose(made[:, 0, 0, 0, 0], expected, rtol=1e-5)


def test_other_channel_numbers_are_named():
    with pytest.raises(ValueError, match="got 2 channels, expected 1 or 3"):
        i3d_input(np.zeros((1, 9, 8, 8, 2), np.float32))
