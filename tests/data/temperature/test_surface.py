import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from mindcast.refusal import Refusal
from tests.data.temperature.files import Patch, dataset, opened, settings, write

WHOLE = Patch(frame=None)


def surface(**changes):
    """As single-level files are: pressure by time, orography with one time, a mask without."""
    plane = ("lat", "lon")
    sp = np.full((4, 16, 24), 101000.0)
    sp[:, 3, 5] = [101000, 90000, 90000, 70000]
    fields = {
        "sp": (("time", *plane), sp, {"units": "Pa"}),
        "z": (("run", *plane), np.full((1, 16, 24), 9806.65), {"units": "m**2 s**-2"}),
        "lsm": (plane, np.tile([1.0, 0.0], (16, 12))),
    }
    coordinates = {name: dataset()[name] for name in ("time", *plane)}
    coordinates["run"] = np.array(["1990-01-01"], "datetime64[ns]")
    return xr.Dataset(fields, coordinates).assign(**changes).rename(run="reftime")


def fields(root, **changes):
    return opened(root, patch=WHOLE, **{"surface_files": ["ground.nc"], **changes})


def named(split, i):
    return split[i].named


@pytest.fixture
def root(tmp_path):
    write(dataset().drop_vars("sp"), tmp_path / "a.nc")
    write(surface(), tmp_path / "ground.nc")
    return tmp_path


def test_what_the_ground_s_file_holds_is_in_the_samples(root):
    split = fields(root, train={"files": ["*.nc"]})  # which the file of the ground is not one of
    assert len(split) == 4
    below = [3 - named(split, i)["weight"][:, 3, 5].sum() for i in range(4)]
    assert below == [0, 1, 1, 2]  # of 1000, 850 and 500 hPa, by the pressure of the time
    statics = named(split, 3)["statics"]
    np.testing.assert_allclose(statics[..., 0], 1.0, rtol=1e-6)
    np.testing.assert_array_equal(statics[0, :2, 1], [1, 0])


def test_what_the_file_with_levels_holds_itself_counts(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    write(surface(sp=surface().sp * 0), tmp_path / "ground.nc")
    sample = named(fields(tmp_path, train={"end": "2020-01-01T00:00"}), 0)
    assert sample["weight"].all()
    assert (sample["statics"][..., 0] == 1).all()


def test_pressure_without_a_time_axis_serves_all_times(tmp_path):
    write(dataset().drop_vars("sp"), tmp_path / "a.nc")
    write(surface().isel(time=1, drop=True), tmp_path / "ground.nc")
    split = fields(tmp_path, train={"files": ["a.nc"]})
    assert {float(named(split, i)["weight"][0, 3, 5, 0]) for i in range(4)} == {0.0}


def test_members_take_the_pressure_of_their_own_or_the_common_one(tmp_path):
    members = dataset().drop_vars("sp").expand_dims(number=[4, 7])
    write(members, tmp_path / "a.nc")
    own = surface().sp.expand_dims(number=[4, 7]).copy()
    own[0] = 101000.0
    for ground, below in ((surface(), [1, 1]), (surface(sp=own), [0, 1])):
        write(ground, tmp_path / "ground.nc")
        split = fields(tmp_path, train={"start": "2020-01-01T06:00", "end": "2020-01-01T06:00"})
        assert [split.coordinates(i).member for i in range(2)] == [4, 7]
        assert [3 - named(split, i)["weight"][:, 3, 5].sum() for i in range(2)] == below


def test_every_entry_of_files_may_have_its_own_ground(root):
    write(dataset().drop_vars("sp"), root / "b.nc")
    write(surface(lsm=surface().lsm * 0), root / "other.nc")
    both = fields(
        root,
        files=["a*.nc", "b*.nc"],
        surface_files=["ground.nc", "other.nc"],
        train={"end": "2020-01-01T00:00"},
    )
    assert [named(both, i)["statics"][..., 1].max() for i in range(2)] == [1, 0]
    message = r"surface_files names 2 files, expected one for all or 1, one for each entry of "
    with pytest.raises(ValidationError, match=message + "files"):
        settings(root, surface_files=["ground.nc", "other.nc"])
    with pytest.raises(ValidationError, match=message + "test.files"):
        settings(
            root,
            files=["a.nc", "b.nc"],
            surface_files=["ground.nc", "other.nc"],
            test={"files": ["c.nc"]},
        )


def refusal(root, ground=None):
    if ground is not None:
        write(ground, root / "ground.nc")
    with pytest.raises(Refusal) as caught:
        fields(root, train={"files": ["a.nc"]})
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{root}/", "")


def test_a_ground_on_another_grid_is_refused_with_what_differs(root):
    expected = "ground.nc: its grid is not that of a.nc: "
    assert expected + "16 x 20 points, expected 16 x 24; bring it to that grid" in refusal(
        root, surface().isel(lon=slice(20))
    )
    turned = surface().isel(lat=slice(None, None, -1))
    off = "latitudes up to 15, longitudes up to 0 degrees off; bring"
    assert expected + off in refusal(root, turned)


def test_a_time_without_surface_pressure_is_refused_when_the_data_are_opened(root):
    message = refusal(root, surface().isel(time=slice(3)))
    assert "ground.nc: no surface pressure at 2020-01-01T18:00 for a.nc (sp on time);" in message
    assert "it has 3 states from 2020-01-01T00:00 to 2020-01-01T12:00; add that time" in message


def test_pressures_that_cannot_be_are_refused_with_the_file_that_holds_them(root):
    message = refusal(root, surface(sp=surface().sp / 100))
    assert message.startswith("ground.nc: sp from 1010 to 1010 Pa, expected 30000 to 120000")


def test_a_file_with_nothing_at_the_ground_or_no_file_is_refused(root):
    message = refusal(root, dataset().drop_vars("sp"))
    assert "ground.nc: none of surface_pressure, orography, land_sea_mask on latitude" in message
    (root / "ground.nc").unlink()
    message = refusal(root)
    assert "ground.nc: cannot be read (No such file" in message
    assert message.endswith("fix data.root_dir or data.surface_files")
