import numpy as np

from mindcast.tasks.nowcast.unknown import unknown_pixels

RIGHTWARDS = np.broadcast_to(np.float32([2, 0]), (20, 20, 2))


def unknown(where, frames=3, field=RIGHTWARDS, context=None):
    missing = np.zeros((2, 20, 20), bool)
    missing[-1][where] = True
    context = np.zeros((2, 20, 20), np.float32) if context is None else context
    return unknown_pixels(context, missing, frames, field)


def test_what_moves_in_from_a_missing_edge_is_unknown():
    found = unknown(np.s_[:, :4])
    # the content of column c comes from column c - 2k, and what was beyond column 0 from there
    for k in (1, 2, 3):
        assert found[k - 1, :, : 4 + 2 * k].all()
        assert not found[k - 1, :, 4 + 2 * k :].any()


def test_a_hole_moves_and_its_place_stays_missing():
    found = unknown(np.s_[5, 10])
    for k in (1, 2, 3):
        assert np.argwhere(found[k - 1]).tolist() == [[5, 10], [5, 10 + 2 * k]]


def test_where_nothing_moves_the_missing_pixels_of_the_last_frame_are_unknown():
    found = unknown(np.s_[:2], field=None)  # dry: no motion is found
    assert found[:, :2].all()
    assert not found[:, 2:].any()


def test_without_missing_pixels_in_the_last_frame_all_is_known():
    missing = np.zeros((2, 20, 20), bool)
    missing[0] = True
    assert not unknown_pixels(np.zeros((2, 20, 20), np.float32), missing, 4).any()


def test_the_motion_is_that_of_the_context():
    rng = np.random.default_rng(0)
    noise = rng.random((40, 46)).astype(np.float32)
    rain = sum(np.roll(noise, (a, b), (0, 1)) for a in range(4) for b in range(4)) / 16
    # the same rain, 3 columns further to the right
    context = np.stack([rain[:, 6:], rain[:, 3:-3]])
    missing = np.zeros((2, 40, 40), bool)
    missing[:, :, :8] = True
    found = unknown_pixels(context, missing, 2)
    np.testing.assert_allclose(found[1, 10:30].sum(axis=1), 8 + 2 * 3, atol=2)
