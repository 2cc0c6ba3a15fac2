import numpy as np
import pytest

from mindcast.motion.extrapolation import extrapolate, inside, origins
from mindcast.motion.inflow import BEST


def noise(side=24, seed=0):
    return np.random.default_rng(seed).random((side, side), np.float32)


def uniform(x, y, side=24):
    return np.broadcast_to(np.float32([x, y]), (side, side, 2))


def test_a_field_of_zeros_gives_the_last_frame_exactly():
    forecast = extrapolate(noise(), uniform(0, 0), 3)
    assert forecast.shape == (3, 24, 24)
    for frame in forecast:
        np.testing.assert_array_equal(frame, noise())


@pytest.mark.parametrize("inflow", BEST)
def test_whole_pixels_are_moved_as_they_are(inflow):
    forecast = extrapolate(noise(), uniform(2, -1), 4, BEST[inflow])
    for lead, frame in enumerate(forecast, start=1):
        moved = np.roll(noise(), (-lead, 2 * lead), axis=(0, 1))
        # what came in lies in the first 2 lead columns and the last lead rows
        np.testing.assert_array_equal(frame[:-lead, 2 * lead :], moved[:-lead, 2 * lead :])


def test_half_a_pixel_is_the_mean_of_two():
    forecast = extrapolate(noise(), uniform(0.5, 0), 1)
    expected = (noise()[:, 1:] + noise()[:, :-1]) / 2
    np.testing.assert_allclose(forecast[0, :, 1:], expected, rtol=1e-6)


def test_trajectories_follow_the_flow_round_a_vortex():
    side, turn = 65, 2 * np.pi / 40  # a full turn in 40 frames
    rows, columns = np.mgrid[:side, :side] - side // 2
    field = np.stack([-turn * rows, turn * columns], axis=-1).astype(np.float32)
    points = origins(field, 40)[-1] - side // 2
    near = np.hypot(rows, columns) < 20
    # a step along the motion at its middle turns by 2 arctan(turn / 2) to third order:
    # the angle is short by turn^3 / 24 to turn^3 / 6 a step, below 40 * 6.5e-4 in all; times 20
    away = np.hypot(points[..., 0] - columns, points[..., 1] - rows)
    assert away[near].max() < 0.6


def test_what_lies_beyond_the_frame_is_told_apart():
    known = inside(origins(uniform(2, -1), 3))
    for lead in (1, 2, 3):
        assert known[lead - 1, :-lead, 2 * lead :].all()
        assert not known[lead - 1, -lead:].any()
        assert not known[lead - 1, :, : 2 * lead].any()


def test_no_value_leaves_the_range_of_the_last_frame():
    field = np.random.default_rng(1).normal(0, 3, (24, 24, 2)).astype(np.float32)
    forecast = extrapolate(noise(), field, 6)
    assert noise().min() - 1e-6 <= forecast.min()
    assert forecast.max() <= noise().max() + 1e-6


def test_a_missing_value_stays_missing_where_it_goes():
    last = noise()
    last[10, 10] = np.nan
    forecast = extrapolate(last, uniform(1, 0), 2)
    assert np.isnan(forecast[1, 10, 12])
    assert np.count_nonzero(np.isnan(forecast[1])) <= 4


def test_other_shapes_are_named():
    with pytest.raises(ValueError, match=r"got a frame \(20, 20\), expected \(24, 24\)"):
        extrapolate(noise(20), uniform(1, 0), 2)
    with pytest.raises(ValueError, match=r"got a field \(2, 24, 24\), expected \(H, W, 2\)"):
        origins(np.zeros((2, 24, 24), np.float32), 2)
