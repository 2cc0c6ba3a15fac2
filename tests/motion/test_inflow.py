import numpy as np
import pytest

from mindcast.motion.extrapolation import inside, origins
from mindcast.motion.inflow import BEST, edge, mirrored, of_member, smoothed, zero

SIDE = 64


def noise(seed=0):
    return np.random.default_rng(seed).random((SIDE, SIDE), np.float32)


def from_the_left(pixels):
    """The points of one frame whose content has moved `pixels` to the right."""
    return origins(np.broadcast_to(np.float32([pixels, 0]), (SIDE, SIDE, 2)), 1)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_edge_is_drawn_out_and_zero_is_nothing():
    (drawn_out,) = edge(noise(), from_the_left(6))
    np.testing.assert_array_equal(drawn_out[:, :6], np.repeat(noise()[:, :1], 6, axis=1))
    (nothing,) = zero(noise(), from_the_left(6))
    assert not nothing[:, :6].any()


def test_a_smoothed_edge_loses_its_contrast_with_the_distance_and_keeps_its_mean():
    (field,) = smoothed(noise(), from_the_left(48))
    middle = field[8:-8]
    spread = middle.std(axis=0)
    # columns 47 and 0 lie 1 and 48 pixels outside: smoothed by Gaussians of 0.25 and 12 pixels
    assert spread[47] > 0.7 * noise()[8:-8, 0].std()
    assert spread[0] < 0.15 * spread[47]
    assert middle[:, :24].mean() == pytest.approx(0.5, abs=0.05)


def test_a_constant_frame_flows_in_as_it_is():
    constant = np.full((SIDE, SIDE), 0.3, np.float32)
    points = origins(np.broadcast_to(np.float32([9, -7]), (SIDE, SIDE, 2)), 3)
    for sampled in (smoothed, of_member("drawn", (SIDE, SIDE), rng())):
        np.testing.assert_allclose(sampled(constant, points), 0.3, rtol=1e-6)


def test_what_is_seen_is_the_same_for_every_inflow():
    points = origins(np.broadcast_to(np.float32([3.25, -2.5]), (SIDE, SIDE, 2)), 4)
    seen, expected = inside(points), edge(noise(), points)
    for sampled in (*BEST.values(), of_member("drawn", (SIDE, SIDE), rng())):
        np.testing.assert_array_equal(sampled(noise(), points)[seen], expected[seen])


def test_full_depth_is_a_mirror_image_and_none_the_edge():
    points = from_the_left(6)
    (image,) = mirrored(noise(), points, 1.0, (0, 0))
    # column c comes from 6 - c pixels outside, so from column 6 - c
    np.testing.assert_array_equal(image[:, :6], noise()[:, 6:0:-1])
    (none,) = mirrored(noise(), points, 0.0, (0, 0))
    np.testing.assert_array_equal(none, edge(noise(), points)[0])


def test_the_way_along_the_edge_is_gone_within_a_sixteenth_of_the_frame():
    # 64 / 16 = 4 pixels: at 2 half of 8 rows
    (field,) = mirrored(noise(), from_the_left(6), 0.0, (5.0, 8.0))
    np.testing.assert_array_equal(field[:-8, 2], noise()[8:, 0])  # 4 pixels outside
    np.testing.assert_array_equal(field[:-4, 4], noise()[4:, 0])  # 2 pixels outside


def test_members_bring_in_different_rain_of_the_same_kind_and_one_draw_repeats():
    points = from_the_left(40)
    one, again, other = (
        of_member("drawn", (SIDE, SIDE), rng(seed))(noise(), points) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other)[..., :32].mean() > 0.1
    for field in (one, other):
        assert field.min() >= noise().min()
        assert field.max() <= noise().max()


@pytest.mark.parametrize("kind", ["edge", "zero"])
def test_members_agree_where_nothing_is_drawn(kind):
    generator = rng()
    assert of_member(kind, (SIDE, SIDE), generator) is BEST[kind]
    assert generator.random() == rng().random()


def test_points_far_beyond_a_small_frame_have_values_of_the_frame():
    small = noise()[:16, :20]
    points = origins(np.broadcast_to(np.float32([37, -90]), (16, 20, 2)), 5)
    for sampled in (smoothed, of_member("drawn", (16, 20), rng())):
        values = sampled(small, points)
        assert np.isfinite(values).all()
        assert small.min() - 1e-6 <= values.min()
        assert values.max() <= small.max() + 1e-6
