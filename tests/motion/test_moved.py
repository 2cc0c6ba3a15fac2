import pickle

import numpy as np
import pytest

from mindcast.data import find_augmentation
from mindcast.motion.extrapolation import extrapolate, inside, origins
from mindcast.motion.field import motion_field
from mindcast.motion.inflow import BEST, of_member
from mindcast.motion.moved import INSIDE, TENDENCY, VALUE, Extrapolated, moved, moved_members
from mindcast.motion.perturbation import perturbed
from mindcast.motion.settings import MotionSettings
from mindcast.samples import NowcastInput, Sample
from tests.motion.blobs import moving

CERTAIN = MotionSettings(spread=0, local_spread=0, inflow="edge")
FRAMES = 6


def rain(velocity=(2.0, -1.0), seed=0, frames=5):
    """A context (T, 64, 64, 1)."""
    return moving(velocity, frames=frames, seed=seed)[..., np.newaxis]


def sample(velocity=(2.0, -1.0), context=5, seed=0):
    frames = rain(velocity, seed, frames=context + FRAMES)
    return Sample(NowcastInput(frames[:context]), frames[context:])


@pytest.mark.parametrize("inflow", BEST)
@pytest.mark.parametrize(
    "method",
    ["dis", pytest.param("lucas_kanade", marks=pytest.mark.slow)],  # loads pysteps
)
def test_the_value_is_the_extrapolation_and_inside_says_what_was_seen(method, inflow):
    settings = MotionSettings(method=method, inflow=inflow)
    made = moved(rain(), FRAMES, settings)
    field = motion_field(rain()[..., 0], method).field
    assert made.shape == (FRAMES, 64, 64, 3)
    assert made.dtype == np.float32
    expected = extrapolate(rain()[-1, ..., 0], field, FRAMES, BEST[inflow])
    np.testing.assert_array_equal(made[..., VALUE], expected)
    np.testing.assert_array_equal(made[..., INSIDE], inside(origins(field, FRAMES)))
    assert 0 < made[..., INSIDE].mean() < 1


@pytest.mark.parametrize(
    ("values", "tendency"),
    [
        # a straight line: the last less the first
        ((0.1, 0.2, 0.3, 0.4), 0.3),
        # places -1, 0, 1: slope (1 - 0) / 2, over two frames
        ((0.0, 0.0, 1.0), 1.0),
        ((0.0, 1.0, 0.0), 0.0),
        # places -1.5 ... 1.5, their squares sum to 5: slope (0.5 x 0.5) / 5, over three frames
        ((0.0, 0.0, 0.5, 0.0), 0.15),
        ((0.4,), 0.0),
    ],
)
def test_the_tendency_is_the_slope_of_a_straight_line_over_the_context(values, tendency):
    # frames of 8 x 8 are too small to show any motion
    context = np.ones((len(values), 8, 8, 1), np.float32) * np.reshape(values, (-1, 1, 1, 1))
    made = moved(context.astype(np.float32), 2, MotionSettings())
    np.testing.assert_allclose(made[..., TENDENCY], tendency, atol=1e-6)
    np.testing.assert_allclose(made[..., VALUE], values[-1], rtol=1e-6)


def test_rain_that_only_moves_has_no_tendency_and_rain_that_grows_has_its_growth():
    inner = (slice(None), slice(16, -16), slice(16, -16))
    steady = moved(rain(), 1, MotionSettings())[inner]
    # at a fixed place the same rain changes by much more
    change = np.abs(rain()[-1] - rain()[0])[16:-16, 16:-16].mean()
    assert np.abs(steady[..., TENDENCY]).mean() < 0.2 * change
    growth = np.linspace(0.6, 1, 5, dtype=np.float32).reshape(-1, 1, 1, 1)
    growing = moved(growth * rain(), 1, MotionSettings())[inner]
    value, tendency = growing[..., VALUE], growing[..., TENDENCY]
    # the last frame has 1, the first 0.6 of it
    assert (value * tendency).sum() / (value**2).sum() == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(
    "context",
    [
        np.zeros((5, 32, 32, 1), np.float32),
        np.full((5, 32, 32, 1), 0.4, np.float32),
        rain(frames=1),
        np.full((1, 32, 32, 1), 0.4, np.float32),
    ],
    ids=["dry", "constant", "one frame", "one constant frame"],
)
def test_a_context_without_motion_stands_still(context):
    made = moved(context, FRAMES, MotionSettings())
    np.testing.assert_array_equal(made[..., VALUE], np.stack([context[-1, ..., 0]] * FRAMES))
    assert (made[..., INSIDE] == 1).all()
    assert not made[..., TENDENCY].any()
    members = moved_members(context[np.newaxis], [3], 2, FRAMES, MotionSettings(), seed=0)
    assert np.isfinite(members).all()
    assert members[..., VALUE].max() <= context.max() + 1e-6


def test_members_differ_by_their_motion_alone():
    contexts = np.stack([rain(), rain((-1, 1), seed=1)])
    made = moved_members(contexts, [3, 8], 3, FRAMES, MotionSettings(), seed=0)
    assert made.shape == (2, 3, FRAMES, 64, 64, 3)
    assert made.dtype == np.float32
    for case in made:
        assert not np.array_equal(case[0], case[1])
        assert not np.array_equal(case[1], case[2])
    certain = moved_members(contexts, [3, 8], 2, FRAMES, CERTAIN, seed=0)
    for context, case in zip(contexts, certain, strict=True):
        for member in case:
            np.testing.assert_array_equal(member, moved(context, FRAMES, CERTAIN))


def test_an_error_of_the_start_displaces_a_member_alike_at_every_lead_time():
    still = np.repeat(rain(frames=1), 2, axis=0)  # nothing moves
    settings = MotionSettings(spread=0, local_spread=0, inflow="edge", start_spread=2.0)
    made = moved_members(still[np.newaxis], [3], 40, 3, settings, seed=0)[0, ..., VALUE]
    np.testing.assert_array_equal(made, np.repeat(made[:, :1], 3, axis=1))

    def place(frame):
        axes = np.arange(64) * frame.sum(axis=1), np.arange(64) * frame.sum(axis=0)
        return np.array([axis.sum() / frame.sum() for axis in axes])

    # rain amid zeros, which nothing flows into: its centre of mass shows the error
    lone = np.zeros((2, 64, 64, 1), np.float32)
    lone[:, 28:36, 28:36] = 0.5
    made = moved_members(lone[np.newaxis], [3], 40, 1, settings, seed=0)[0, :, 0, ..., VALUE]
    errors = np.stack([place(frame) for frame in made]) - place(lone[0, ..., 0])
    # the standard deviation of 80 draws is known to 8 %
    assert errors.std() == pytest.approx(2.0, rel=0.25)
    assert abs(errors.mean()) < 0.7


def test_a_member_without_an_error_of_the_start_is_what_it_was():
    before, after = (
        moved_members(rain()[np.newaxis], [3], 1, 2, MotionSettings(start_spread=spread), seed=0)
        for spread in (0.0, 1e-6)
    )
    # points are interpolated to 1 / 32 of a pixel: some are rounded the other way
    np.testing.assert_allclose(after, before, atol=0.02)


def test_a_member_depends_on_its_case_key_seed_and_number_alone():
    contexts = np.stack([rain(), rain((-1, 1), seed=1)])

    def made(contexts=contexts, keys=(3, 8), members=3, seed=0):
        return moved_members(contexts, keys, members, 2, MotionSettings(), seed)

    every = made()
    np.testing.assert_array_equal(made(members=1)[:, 0], every[:, 0])
    np.testing.assert_array_equal(made(contexts[1:], (8,), 2)[0], every[1, :2])
    np.testing.assert_array_equal(made(contexts[::-1], np.array([8, 3]))[::-1], every)
    assert not np.array_equal(made(seed=1)[0, 0], every[0, 0])
    assert not np.array_equal(made(keys=(4, 8))[0, 0], every[0, 0])


def test_a_training_sample_gets_the_frames_of_a_member_that_is_drawn():
    one, settings = sample(), MotionSettings()
    made = Extrapolated(settings)(one, np.random.default_rng(5))
    best = motion_field(one.input.context[..., 0]).field
    rng = np.random.default_rng(5)
    field = perturbed(best, settings, rng)
    sampled = of_member(settings.inflow, (64, 64), rng)
    expected = extrapolate(one.input.context[-1, ..., 0], field, FRAMES, sampled)
    np.testing.assert_array_equal(made.input.extrapolated[..., VALUE], expected)
    assert made.input.context is one.input.context
    assert made.truth is one.truth
    assert one.input.extrapolated is None


def test_of_several_candidates_the_nearest_to_the_truth_is_taken():
    one, settings = (
        sample((2.5, 0)),
        MotionSettings(candidates=5, spread=2, local_spread=0.5, inflow="edge"),
    )
    made = Extrapolated(settings)(one, np.random.default_rng(5))
    best, rng = motion_field(one.input.context[..., 0]).field, np.random.default_rng(5)
    every = [
        extrapolate(one.input.context[-1, ..., 0], perturbed(best, settings, rng), FRAMES)
        for _ in range(5)
    ]
    errors = [np.abs(forecast - one.truth[..., 0]).mean() for forecast in every]
    assert np.argmin(errors) != 0
    np.testing.assert_array_equal(
        made.input.extrapolated[..., VALUE], every[int(np.argmin(errors))]
    )


def test_a_training_sample_needs_a_truth():
    with pytest.raises(ValueError, match="this sample has no truth"):
        Extrapolated(MotionSettings())(Sample(NowcastInput(rain())), np.random.default_rng(0))


def test_what_adds_the_frames_goes_to_other_processes():
    derive = Extrapolated(MotionSettings(candidates=2))
    again = pickle.loads(pickle.dumps(derive))
    made, same = (d(sample(), np.random.default_rng(1)) for d in (derive, again))
    np.testing.assert_array_equal(made.input.extrapolated, same.input.extrapolated)


@pytest.mark.parametrize("seed", range(4))
def test_the_motion_turns_with_the_frames(seed):
    def turned(given):
        return find_augmentation("quarter_turns")(given, np.random.default_rng(seed))

    derive, rng = Extrapolated(CERTAIN), np.random.default_rng(0)
    first, last = derive(turned(sample()), rng), turned(derive(sample(), rng))
    np.testing.assert_array_equal(first.truth, last.truth)
    # dense flow starts its patches at a corner, so it is turned itself but for a little
    gap = np.abs(first.input.extrapolated - last.input.extrapolated)[..., VALUE].mean()
    away = np.abs(last.input.extrapolated[..., VALUE] - first.input.context[-1, ..., 0]).mean()
    assert gap < 0.1 * away
