import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mindcast.motion.dense_flow import eight_bits
from mindcast.motion.field import METHODS, motion_field
from tests.motion.blobs import moving


def missing(frames, share):
    """The frames with NaN in that share of their columns."""
    frames = frames.copy()
    frames[..., : round(share * frames.shape[-1])] = np.nan
    return frames


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("velocity", [(2.0, -1.0), (-1.5, 0.5)])
def test_rain_that_is_carried_along_shows_how_far(method, velocity):
    motion = motion_field(moving(velocity), method)
    assert motion.moves
    assert motion.field.shape == (64, 64, 2)
    assert motion.field.dtype == np.float32
    # the field of a uniform motion is uniform, up to what enters and leaves at the edges
    inner = motion.field[16:-16, 16:-16]
    np.testing.assert_allclose(inner.mean(axis=(0, 1)), velocity, atol=0.15)
    assert np.abs(inner - velocity).max() < 0.5


def test_two_frames_are_enough():
    motion = motion_field(moving((2, 1), frames=2))
    np.testing.assert_allclose(motion.field[16:-16, 16:-16].mean(axis=(0, 1)), (2, 1), atol=0.15)


def test_the_latest_motion_counts_most():
    turning = np.concatenate([moving((2, 0), frames=3), moving((-2, 0), frames=3)])
    # pairs to the right, right, (a jump), left, left: weights 1, 2, (4), 8, 16
    assert motion_field(turning).field[16:-16, 16:-16, 0].mean() < -1


def test_motion_is_known_where_no_rain_is():
    frames = moving((2, 1), side=96)
    frames[:, :, 24:] = 0
    far = motion_field(frames).field[:, -8:]  # twelve lengths of the smoothing away
    np.testing.assert_allclose(far.mean(axis=(0, 1)), (2, 1), atol=0.4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("context", "why"),
    [
        (moving((2, 1), frames=1), "one frame"),
        (np.zeros((0, 64, 64)), "one frame"),
        (moving((2, 1), side=15), "small frame"),
        (np.zeros((5, 64, 64)), "dry"),
        (np.full((5, 64, 64), 0.4), "uniform"),
        (np.repeat(moving((0, 0), frames=1), 5, axis=0), "nothing moves"),
        (missing(moving((2, 1)), 0.6), "missing values"),
        (np.full((5, 64, 64), np.nan), "missing values"),
    ],
)
def test_a_context_without_motion_stands_still_and_says_why(method, context, why):
    motion = motion_field(context, method)
    assert (motion.still, motion.moves) == (why, False)
    assert motion.field.shape == (*context.shape[1:], 2)
    assert not motion.field.any()


def test_fifteen_wet_pixels_are_clutter_and_sixteen_are_rain():
    frames = np.zeros((2, 32, 32), np.float32)
    frames[0, 8:12, 8:12], frames[1, 8:12, 9:13] = 0.5, 0.5  # 4 x 4, one pixel to the right
    assert motion_field(frames).moves
    frames[0, 8, 8] = 0
    assert motion_field(frames).still == "dry"


def test_motion_is_that_of_the_pairs_that_can_show_it():
    frames = moving((2, 1), frames=6)
    for bad in (0, np.nan):
        spoilt = frames.copy()
        spoilt[1] = bad
        inner = motion_field(spoilt).field[16:-16, 16:-16]
        np.testing.assert_allclose(inner.mean(axis=(0, 1)), (2, 1), atol=0.15)


def test_a_missing_part_has_no_motion_of_its_own():
    inner = motion_field(missing(moving((2, 1)), 0.3)).field[16:-16, 32:-16]
    np.testing.assert_allclose(inner.mean(axis=(0, 1)), (2, 1), atol=0.15)


@pytest.mark.parametrize("shape", [(16, 16), (16, 80), (80, 16), (17, 33), (40, 40), (130, 20)])
def test_frames_of_any_size_from_sixteen_pixels_have_a_field(shape):
    frames = moving((1, 1), side=130, cells=40)[:, : shape[0], : shape[1]]
    motion = motion_field(frames)
    assert motion.field.shape == (*shape, 2)
    assert np.isfinite(motion.field).all()


@pytest.mark.parametrize("outside", [-0.1, 1.1, 255.0])
def test_values_outside_the_scale_are_refused(outside):
    frames = moving((2, 1))
    frames[2, 3, 4] = outside
    with pytest.raises(ValueError, match=r"got values .*, expected 0\.\.1"):
        motion_field(frames)
    with pytest.raises(ValueError, match=r"got values .*, expected 0\.\.1"):
        eight_bits(frames[2])


def test_the_eight_bits_of_dense_flow_are_the_whole_scale():
    assert eight_bits(np.array([0, 0.1, 0.5, 1, np.nan])).tolist() == [0, 26, 128, 255, 0]


def test_other_shapes_and_methods_are_named():
    with pytest.raises(ValueError, match=r"got a context \(64, 64\), expected \(T, H, W\)"):
        motion_field(np.zeros((64, 64)))
    with pytest.raises(ValueError, match="got method 'disc', expected one of dis, lucas_kanade"):
        motion_field(moving((2, 1)), "disc")


PROBE = """
import hashlib, sys
import numpy as np
sys.path.insert(0, {root!r})
import cv2
cv2.setNumThreads({threads})
from mindcast.motion.field import motion_field
from tests.motion.blobs import moving
print(hashlib.sha256(motion_field(moving((2.5, 1.2), side=200), {method!r}).field).hexdigest())
"""


@pytest.mark.slow  # four processes
def test_every_process_finds_the_same_field_whatever_its_threads(request):
    for method in METHODS:
        field = motion_field(moving((2.5, 1.2), side=200), method).field
        for threads in (1, 3):
            probe = PROBE.format(root=str(request.config.rootpath), threads=threads, method=method)
            told = subprocess.run(
                [sys.executable, "-c", probe], capture_output=True, text=True, check=True
            )
            # nothing else is printed, by pysteps either
            assert told.stdout == hashlib.sha256(field).hexdigest() + "\n"


def test_threads_that_work_beside_each_other_find_the_same_field():
    frames = moving((2, 1))
    with ThreadPoolExecutor(4) as threads:
        fields = [motion.field for motion in threads.map(motion_field, [frames] * 8)]
    for field in fields:
        np.testing.assert_array_equal(field, motion_field(frames).field)


@pytest.mark.slow  # loads pysteps in another process
def test_a_damaged_pystepsrc_is_named_in_one_line(tmp_path):
    (tmp_path / "pystepsrc").write_text('{"data_sources": ')
    probe = "from mindcast.motion.pysteps import pysteps; pysteps('motion.lucaskanade')"
    environment = {**os.environ, "PYSTEPSRC": str(tmp_path / "pystepsrc")}
    told = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False, env=environment
    )
    assert told.returncode == 1
    assert re.search(
        r"Refusal: pysteps: cannot be loaded \(.+\); put its pystepsrc right, or install it anew$",
        told.stderr.strip(),
    )
