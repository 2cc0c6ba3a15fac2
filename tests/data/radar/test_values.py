from pathlib import Path

import numpy as np
import pytest

from mindcast.data.radar.scaling import whole_codes
from mindcast.data.radar.values import StoredScale, check_scale
from mindcast.refusal import Refusal

CODES, DBZ = StoredScale(), StoredScale(90.0, physical=True, unit="dBZ")


@pytest.mark.parametrize("kind", ["u1", "i2", ">i4", "u8", "f2", "f4", "f8", "?"])
def test_values_within_the_scale_are_left_as_they_are(kind):
    values = np.array([0, 1, 1], kind)
    assert CODES.checked(values, "a", "fix it") is values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([-99, 200], "a holds values from -99 to 200, expected codes 0..255; fix it"),
        ([0, 300], "a holds values from 0 to 300, expected codes 0..255; fix it"),
        ([0, np.nan], "a holds NaN or infinity; fix it"),
        ([0, -np.inf], "a holds NaN or infinity; fix it"),
    ],
)
def test_values_beyond_it_are_refused_with_their_range(values, words):
    with pytest.raises(Refusal, match=words):
        CODES.checked(np.array(values, np.float32), "a", "fix it")


def test_a_way_out_of_its_own_is_given_for_values_beyond():
    with pytest.raises(Refusal, match=r"0\.\.255; cut them off"):
        CODES.checked(np.array([256]), "a", "fix it", beyond="cut them off")


def test_codes_where_dbz_are_expected_get_another_way_out():
    with pytest.raises(Refusal, match=r"dBZ in 0..90 \(data.value_scale\); if these are codes"):
        DBZ.checked(np.array([0, 254]), "a", "fix it")


def test_rounding_beyond_an_end_is_cut_off_and_anything_on_demand():
    # 1e-4 of 255 is 0.0255
    values = np.array([-0.02, 255.02], np.float32)
    np.testing.assert_array_equal(CODES.checked(values, "a", "fix it"), [0, 255])
    with pytest.raises(Refusal):
        CODES.checked(values * 2, "a", "fix it")
    clipped = CODES.checked(np.array([-3, 17, 300], np.int16), "a", "fix it", clip=True)
    np.testing.assert_array_equal(clipped, [0, 17, 255])


def look(*largest, scale=CODES):
    files = {Path(f"{k}.h5"): values for k, values in enumerate(largest)}
    check_scale(scale, files, "events", "fix the file")


@pytest.mark.parametrize(
    ("largest", "words"),
    [
        (([0.9, 0.5],), "0.h5: the largest value in 2 events is 0.9, which looks like values alre"),
        (([200], [1.0]), "1.h5: the largest value in 1 events is 1, which looks like values alrea"),
        (([60], [4.6, 70]), "1.h5: the largest value in 2 events is 70, which looks like dBZ or"),
    ],
)
def test_values_of_another_scale_are_refused(largest, words):
    with pytest.raises(Refusal) as caught:
        look(*largest)
    assert str(caught.value).startswith(words)
    assert "or set data.check_values=false if it is right" in str(caught.value)


def test_a_file_of_little_rain_beside_others_and_a_dry_one_pass():
    look([0.0, 0.0], [])
    look([30.0], [200.0])
    look([60.0], scale=DBZ)


def test_the_look_ends_with_the_first_value_that_shows_the_scale():
    values = iter([10.0, 90.0, 200.0])
    look(values)
    assert list(values) == [200.0]


def test_codes_are_rounded_and_never_wrap_around():
    found = whole_codes(np.array([-0.4, 1.5, 254.6, 255.4], np.float32), "a")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [0, 2, 255, 255])
    for bad in (-3, 256, np.nan):
        with pytest.raises(Refusal, match="a holds values from"):
            whole_codes(np.array([0, bad], np.float32), "a")
