"""What motion alone makes of a context, as networks take it, and its place in a training sample.

Three channels for each frame to be forecast, all carried along the same trajectories:

    VALUE     the last frame, in [0, 1]
    TENDENCY  how much more rain the last frame has than the first, both followed along the motion,
              estimated from all frames by a straight line
    INSIDE    1 where the content comes from within the frame, 0 where it flows in
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mindcast.motion.extrapolation import inside, origins
from mindcast.motion.field import motion_field
from mindcast.motion.inflow import BEST, Sampled, edge, of_member
from mindcast.motion.perturbation import displaced, motion_rng, perturbed
from mindcast.motion.settings import MOVED_CHANNELS, MotionSettings
from mindcast.samples import NowcastSample

VALUE, TENDENCY, INSIDE = range(MOVED_CHANNELS)


@dataclass(frozen=True, eq=False)
class Course:
    """How the frames of one member are found.

    field: its motion. sampled: what it takes for inflow. start: its error in where rain is to begin
    with, pixels of columns and of rows.
    """

    field: np.ndarray
    sampled: Sampled
    start: tuple[float, float] = (0.0, 0.0)

    def points(self, frames: int) -> np.ndarray:
        """See `extrapolation.origins`."""
        return origins(self.field, frames) + np.array(self.start, np.float32)


def moved(
    context: np.ndarray,
    frames: int,
    settings: MotionSettings,
    motion: np.ndarray | None = None,
) -> np.ndarray:
    """A context (T, H, W, 1) in [0, 1] along the best estimate of its motion, or along `motion`.

    motion: (H, W, 2), pixels per frame, see `field.Motion`. Gives (frames, H, W, MOVED_CHANNELS),
    float32. A context without motion stands still, see `motion_field`.
    """
    best = best_motion(context, settings) if motion is None else motion
    return _along(Course(best, BEST[settings.inflow]), context, frames)


def moved_members(
    contexts: np.ndarray,
    keys: Sequence[int],
    members: int,
    frames: int,
    settings: MotionSettings,
    seed: int,
    first: int = 0,
    motions: np.ndarray | None = None,
) -> np.ndarray:
    """Contexts (N, T, H, W, 1), each along the motion of every member of its case.

    Gives (N, members, frames, H, W, MOVED_CHANNELS), float32, of the members from number `first`
    on. Member m of a case depends on its context, its key, `seed` and m alone. motions: (N, H, W,
    2), the best estimates; None: those found in the contexts.
    """
    cases = []
    for number, (context, key) in enumerate(zip(contexts, keys, strict=True)):
        best = best_motion(context, settings) if motions is None else motions[number]
        rngs = [motion_rng(seed, int(key), first + member) for member in range(members)]
        courses = [_course(best, settings, rng) for rng in rngs]
        cases.append([_along(course, context, frames) for course in courses])
    return np.array(cases)


@dataclass(frozen=True)
class Extrapolated:
    """Adds to a training sample its moved frames, of one member that it draws.

    Of several candidates (`MotionSettings.candidates`) it is the one nearest to the truth.
    """

    settings: MotionSettings

    def __call__(self, sample: NowcastSample, rng: np.random.Generator) -> NowcastSample:
        """The sample (not batched) with `extrapolated`; ValueError where it has no truth."""
        context, truth, settings = sample.input.context, sample.known_truth, self.settings
        best = best_motion(context, settings)
        courses = [_course(best, settings, rng) for _ in range(settings.candidates)]
        nearest = courses[0]
        if len(courses) > 1:
            nearest = min(courses, key=lambda course: _error(course, context, truth))
        extrapolated = _along(nearest, context, len(truth))
        return replace(sample, input=replace(sample.input, extrapolated=extrapolated))


def best_motion(context: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """The best estimate (H, W, 2) of the motion in a context (T, H, W, 1), pixels per frame."""
    return motion_field(context[..., 0], settings.method).field


def _course(best: np.ndarray, settings: MotionSettings, rng: np.random.Generator) -> Course:
    field = perturbed(best, settings, rng)
    height, width = field.shape[:2]
    return Course(field, of_member(settings.inflow, (height, width), rng), displaced(settings, rng))


def _along(course: Course, context: np.ndarray, frames: int) -> np.ndarray:
    points = course.points(frames)
    values = course.sampled(context[-1, ..., 0], points)
    tendency = course.sampled(_tendency(course.field, context[..., 0]), points)
    return np.stack([values, tendency, inside(points).astype(np.float32)], axis=-1)


def _tendency(field: np.ndarray, context: np.ndarray) -> np.ndarray:
    """The slope of each pixel's rain, followed along the motion, times the frames from the first to
    the last: (H, W)."""
    count = len(context)
    if count == 1:
        return np.zeros(context.shape[1:], np.float32)
    paths = origins(field, count - 1)[::-1]
    earlier = zip(context[:-1], paths, strict=True)
    aligned = [edge(frame, path[np.newaxis])[0] for frame, path in earlier]
    place = np.arange(count, dtype=np.float32) - (count - 1) / 2
    weights = place / np.square(place).sum()
    # from the last frame on, so that what does not change has none, however sums round
    since = np.stack([*aligned, context[-1]]) - context[-1]
    slope = np.tensordot(weights, since, axes=1)
    return np.asarray((count - 1) * slope, np.float32)


def _error(course: Course, context: np.ndarray, truth: np.ndarray) -> float:
    values = course.sampled(context[-1, ..., 0], course.points(len(truth)))
    return float(np.abs(values - truth[..., 0]).mean())
