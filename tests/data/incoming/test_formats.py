import h5py
import numpy as np
import pytest

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.formats import FORMATS, format_of
from mindcast.data.incoming.read import find_places
from mindcast.refusal import Refusal
from tests.data.incoming import files
from tests.data.incoming.files import series


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("knmi", files.write_knmi),
        ("odim", files.write_odim),
        ("netcdf", files.write_netcdf),
        ("mch_gif", files.write_mch),
        ("fmi_pgm", files.write_pgm),
        ("radolan", files.write_radolan),
        ("saf_crri", files.write_crri),
        ("npy", files.write_npy),
        ("picture", files.write_png),
    ],
)
def test_a_format_is_told_by_what_a_file_holds_and_not_by_its_name(tmp_path, name, write):
    series(tmp_path, write, 1)
    (path,) = tmp_path.iterdir()
    assert format_of(path.rename(tmp_path / "renamed.dat")) == name


def test_the_settings_name_every_format():
    from typing import get_args

    from mindcast.config.incoming import Format, Layout
    from mindcast.data.radar.sequences.layouts import LAYOUTS

    assert set(get_args(Format)) == {"auto", *FORMATS}
    assert set(get_args(Layout)) == set(LAYOUTS)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_file_that_was_cut_short_is_named_even_within_a_folder(tmp_path, place):
    path = tmp_path / "newest.h5"
    with h5py.File(path, "w") as file:
        file["image1/image_data"] = np.zeros((64, 64), np.uint16)
    path.write_bytes(path.read_bytes()[:3000])
    given = path if place == "file" else tmp_path
    with pytest.raises(Refusal, match=r"newest.h5: is an HDF5 file that cannot be opened \("):
        find_places([str(given)], InputSettings(), 5)
