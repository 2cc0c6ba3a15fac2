import numpy as np
import pytest

from mindcast.motion.extrapolation import inside, origins
from mindcast.motion.inflow import BEST, edge, mirrored, of_member, zero

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


def test_a_constant_frame_flows_in_as_it_is():
    constant = np.full((SIDE, SIDE), 0.3, np.float32)
    points = origins(np.broadcast_to(np.float32([9, -7]), (SIDE, SIDE, 2)), 3)
    for sampled in (edge, of_member("drawn", (SIDE, SIDE), rng())):
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


def test_a_copy_from_along_the_edge_fades_in_within_a_sixteenth_of_the_frame():
    # 64 / 16 = 4 pixels; columns 2 and 4 lie 4 and 2 pixels outside
    (field,) = mirrored(noise(), from_the_left(6), 0.0, (5.0, 8.0))
    rows = noise()[:, 0]
    np.testing.assert_allclose(field[:-8, 2], rows[8:], atol=1e-6)
    np.testing.assert_allclose(field[:-8, 4], (rows[:-8] + rows[8:]) / 2, atol=1e-6)


def test_a_copy_joins_on_to_what_is_seen_without_a_seam():
    ramp = np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32)[:, np.newaxis], (SIDE, SIDE))
    points = origins(np.broadcast_to(np.float32([12, 0]), (SIDE, SIDE, 2)), 1)
    (field,) = mirrored(ramp, points, 0.5, (0.0, 16.0))
    # in the middle rows the copy lies 16 / 63 higher; it is reached within 4 pixels of the edge,
    # by a half cosine, whose steepest of 4 steps is about 2 / 5 of it
    steps = np.abs(np.diff(field[16:32], axis=1))
    assert steps.max() < 0.45 * 16 / 63
    np.testing.assert_allclose(field[16:32, 8] - field[16:32, 12], 16 / 63, atol=1e-5)


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
    for sampled in (edge, of_member("drawn", (16, 20), rng())):
        values = sampled(small, points)
        assert np.isfinite(values).all()
        assert small.min() - 1e-6 <= values.min()
        assert values.max() <= small.max() + 1e-6
