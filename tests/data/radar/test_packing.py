import h5py
import numpy as np
import pytest

from mindcast.data.radar.packing import PLAIN, Packing, packing_of
from mindcast.refusal import Refusal


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/0"] = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
        yield file


def test_without_attributes_numbers_are_what_they_are(file):
    file["train/0"].attrs["description"] = "scale_factor is for others"
    assert packing_of(file["train/0"], "a") == PLAIN
    stored = file["train/0"][...]
    assert PLAIN.unpacked(stored, "a") is stored


@pytest.mark.parametrize(
    ("attributes", "packing"),
    [
        ({"scale_factor": 2.0, "add_offset": np.float32(1)}, Packing(2.0, 1.0)),
        ({"scale_factor": np.array([0.5])}, Packing(0.5)),
        ({"gain": "0.5", "offset": b"-32"}, Packing(0.5, -32.0)),
        ({"_FillValue": np.uint8(255)}, Packing(missing=(255.0,))),
        ({"missing_value": [254, 255]}, Packing(missing=(254.0, 255.0))),
        ({"nodata": 255.0, "undetect": 0.0}, Packing(missing=(255.0, 0.0))),
        ({"valid_min": 1, "valid_max": 6}, Packing(least=1.0, most=6.0)),
        ({"valid_range": [1, 6]}, Packing(least=1.0, most=6.0)),
        ({"_Unsigned": "true"}, Packing(is_unsigned=True)),
        ({"scale": 1.0, "slope": 1, "intercept": 0.0}, Packing()),
        ({"scale": "linear"}, Packing()),
        ({"SCALE_FACTOR": 2.0, "addOffset": 1.0}, Packing(2.0, 1.0)),
        ({"FillValue": 255, "NODATA": 254}, Packing(missing=(255.0, 254.0))),
        ({"multiplication_factor": 1}, Packing()),
    ],
)
def test_attributes_are_read_in_every_form(file, attributes, packing):
    file["train/0"].attrs.update(attributes)
    assert packing_of(file["train/0"], "a") == packing


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"scale_factor": "double"}, "scale_factor = 'double', expected a number"),
        ({"scale_factor": [1.0, 2.0]}, "scale_factor = [1.0, 2.0], expected one number"),
        ({"scale_factor": np.nan}, "scale_factor = nan, expected one number"),
        ({"scale_factor": 0.0}, "scale_factor = 0 leaves no values"),
        ({"valid_range": [6, 1]}, "valid_range = [6, 1], expected two, rising"),
        ({"slope": 0.5}, "attribute slope = 0.5 may change its values; call it scale_factor"),
        ({"Intercept": -32.0}, "attribute intercept = -32.0 may change its values"),
        ({"multiplication_factor": 0.1}, "attribute multiplication_factor = 0.1 may change"),
    ],
)
def test_attributes_that_are_not_clear_are_refused_by_name(file, attributes, words):
    file["train/0"].attrs.update(attributes)
    with pytest.raises(Refusal) as caught:
        packing_of(file["train/0"], "a.h5: train/0")
    assert f"a.h5: train/0: {words}" in str(caught.value)


@pytest.mark.parametrize("place", ["train", "/", "train/what"])
def test_groups_above_hold_them_too_and_the_nearest_counts(file, place):
    file.require_group(place).attrs["gain"] = 4.0
    assert packing_of(file["train/0"], "a").factor == 4
    file["train/0"].attrs["gain"] = 2.0
    assert packing_of(file["train/0"], "a").factor == 2


def test_missing_values_are_nothing_and_others_are_unpacked():
    packing = Packing(2.0, 1.0, missing=(255.0, np.nan))
    stored = np.array([0.0, 3.0, 255.0, np.nan], np.float32)
    # 2 x 0 + 1 and 2 x 3 + 1
    np.testing.assert_array_equal(packing.unpacked(stored, "a"), [1, 7, 0, 0])


def test_signed_bytes_can_mean_unsigned_ones():
    packing = Packing(missing=(255.0,), is_unsigned=True)
    # -56 is 200 with the sign bit as a digit, -1 is 255
    np.testing.assert_array_equal(packing.unpacked(np.array([-56, -1], "i1"), "a"), [200, 0])


def test_values_that_the_file_calls_invalid_are_refused_unless_they_are_missing():
    packing = Packing(missing=(255.0,), most=100.0)
    np.testing.assert_array_equal(packing.unpacked(np.array([100, 255]), "a"), [100, 0])
    with pytest.raises(Refusal, match=r"a holds values beyond its own valid_min, valid_max"):
        packing.unpacked(np.array([101, 255]), "a")
