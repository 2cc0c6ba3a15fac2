import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mindcast.data.radar.frame_fit import centre_crop, resize

SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))


def frames(size, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (2, *size)).astype(np.float32)


@given(SIZES, SIZES, st.booleans())
def test_a_constant_stays_and_no_value_leaves_the_range(size, target, antialias):
    np.testing.assert_allclose(resize(np.full((1, *size), 3.5), target, antialias), 3.5, rtol=1e-6)
    given_frames = frames(size)
    made = resize(given_frames, target, antialias)
    assert made.shape == (2, *target)
    assert given_frames.min() - 1e-3 <= made.min() <= made.max() <= given_frames.max() + 1e-3


@given(SIZES, st.booleans())
def test_an_equal_size_changes_nothing(size, antialias):
    np.testing.assert_array_equal(resize(frames(size), size, antialias), frames(size))
    np.testing.assert_array_equal(centre_crop(frames(size), size), frames(size))


@given(SIZES, st.integers(1, 5))
def test_a_multiple_of_the_size_keeps_the_mean(size, factor):
    # the weights of each input pixel sum to the factor, at the edge too: it goes on beyond it
    made = resize(frames(size), (size[0] * factor, size[1] * factor))
    np.testing.assert_allclose(made.mean(axis=(1, 2)), frames(size).mean(axis=(1, 2)), rtol=1e-5)


@given(SIZES)
def test_half_the_size_is_the_mean_of_each_four(size):
    doubled = frames((size[0] * 2, size[1] * 2))
    expected = doubled.reshape(2, size[0], 2, size[1], 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resize(doubled, size), expected, rtol=1e-5)


@given(SIZES, SIZES)
def test_padding_adds_zeros_alone_and_cutting_takes_one_rectangle(size, target):
    given_frames = frames(size) + 1
    made = centre_crop(given_frames, target)
    assert made.shape == (2, *target)
    inner = tuple(min(pair) for pair in zip(size, target, strict=True))
    assert np.count_nonzero(made[0]) == inner[0] * inner[1]
    kept = made[made > 0].reshape(2, *inner)
    places = np.argwhere(given_frames[0] == kept[0, 0, 0])
    (row, column), *_ = places
    np.testing.assert_array_equal(
        kept, given_frames[:, row : row + inner[0], column : column + inner[1]]
    )
