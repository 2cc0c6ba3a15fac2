import io
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st
from PIL import Image

from mindcast.data import prepare
from tests.data.radar.made_up import codes_of, outcome
from tests.data.radar.sequences.sequence_sets import settings

SHAPE, COUNT = (5, 7), 3
FILLS = (999.9, 99.9, 327.67, -32.1, 255.0, 1e20, 16777217.0, 0.1, "nan")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("frames")


def made(folder, **changes):
    """The frames of the set that is made of the folder's, physical values (T, H, W)."""
    root = folder.parent / "set.h5"
    root.unlink(missing_ok=True)
    how = {
        "source_dir": str(folder),
        "physical_per_code": 1.0,
        "length": COUNT,
        "val_fraction": 0.0,
        "test_fraction": 0.0,
        **changes,
    }
    prepare(settings(root, "meteonet", prepare=how))
    with h5py.File(root) as file:
        return file["train/0"][...]


def anew(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def drawn(seed):
    """Whole dBZ 0..70 and which of them are missing."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 71, SHAPE), rng.random(SHAPE) < 0.3


@given(
    codes_of,
    st.sampled_from(FILLS),
    st.sampled_from(["f2", "f4", "f8", ">f4", "f4 f8", "i4", "u1", "i8"]),
)
def test_missing_codes_of_any_width_become_nothing(folder, seed, fill, kind):
    values, gone = drawn(seed)
    array = np.where(gone, float(fill), values)
    with np.errstate(all="ignore"):
        for one in kind.split():  # "f4 f8": saved in the one, loaded and saved in the other
            array = array.astype(one)
    held = array[gone].astype("f8")
    if kind[-2] in "iu" and not np.array_equal(held, np.full_like(held, float(fill))):
        return  # no whole number, or one that the type does not hold
    if np.isinf(held).any():
        return
    anew(folder)
    for k in range(COUNT):
        np.save(folder / f"{k}.npy", array)
    found = outcome(folder, lambda: made(folder, missing_code=fill))
    np.testing.assert_array_equal(found, np.where(gone, 0, values)[None].repeat(COUNT, 0))


MODES = ("L", "LA", "RGB", "RGBA", "P", "I;16", "key", "key16", "palette key", "1")


def picture(mode, values, gone):
    """The picture, its options, and whether it can hold what is missing."""
    grey = values.astype(np.uint8)
    below = np.where(gone, 255, grey).astype(np.uint8)
    alpha = Image.fromarray(np.where(gone, 0, 255).astype(np.uint8))
    three = Image.fromarray(np.dstack([below] * 3))
    indexed = Image.fromarray(below, "P") if mode.startswith("P") else None
    if mode in ("P", "palette key"):
        indexed = Image.fromarray(below).convert("P")
        indexed.putpalette([k for k in range(256) for _ in range(3)])
        return indexed, {"transparency": 255} if mode == "palette key" else {}
    return {
        "L": (Image.fromarray(grey), {}),
        "LA": (Image.merge("LA", (Image.fromarray(below), alpha)), {}),
        "RGB": (Image.fromarray(np.dstack([grey] * 3)), {}),
        "RGBA": (Image.merge("RGBA", (*three.split(), alpha)), {}),
        "I;16": (Image.fromarray(grey.astype(np.uint16)), {}),
        "key": (Image.fromarray(below), {"transparency": 255}),
        "key16": (Image.fromarray(below.astype(np.uint16)), {"transparency": 255}),
        "1": (Image.fromarray(values > 35), {}),
    }[mode]


@few(max_examples=50)
@given(st.sampled_from(MODES), codes_of)
def test_pictures_hold_their_grey_values_and_transparent_pixels_none(folder, mode, seed):
    values, gone = drawn(seed)
    image, options = picture(mode, values, gone)
    if mode == "1":  # shown as black and white, 0 and 255
        values = np.where(values > 35, 50, 0)
    anew(folder)
    for k in range(COUNT):
        image.save(folder / f"{k}.png", **options)
    per_code = {"physical_per_code": 50 / 255} if mode == "1" else {}
    per_code |= {"missing_code": 255} if mode == "P" else {}
    found = outcome(folder, lambda: made(folder, **per_code))
    has_gone = mode not in ("L", "RGB", "I;16", "1")
    expected = np.where(gone & has_gone, 0, values)
    np.testing.assert_array_equal(found, expected[None].repeat(COUNT, 0))


@few(max_examples=70)
@given(st.sampled_from([".npy", ".png", ".gif"]), st.booleans(), st.integers(0, 400), codes_of)
def test_damaged_frames_are_read_or_refused(folder, suffix, is_cut, at, seed):
    values, _ = drawn(seed)
    held = io.BytesIO()
    if suffix == ".npy":
        np.save(held, values.astype(np.uint8))
    else:
        Image.fromarray(values.astype(np.uint8)).save(held, suffix[1:])
    content = held.getvalue()
    at %= len(content)
    noise = np.random.default_rng(seed).bytes(3)
    anew(folder)
    for k in range(COUNT):
        changed = content[:at] if is_cut else content[:at] + noise + content[at + 3 :]
        (folder / f"{k}{suffix}").write_bytes(changed)
    found = outcome(folder, lambda: made(folder))
    assert found is None or found.dtype == np.uint8
