from pathlib import Path

import numpy as np
import pytest

from mindcast.data.temperature.coarse import open_coarse
from mindcast.data.temperature.grid import projected_grid, regular_grid
from mindcast.data.temperature.refined import refined, without_poles
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, projected, settings, write
from tests.data.temperature.test_surface import surface

FACTOR = 4
PATCH = Patch(frame=None, factor=FACTOR)
SHARED = Path(__file__).parents[4] / "shared" / "data" / "temperature"


def coarse_of(data):
    """Means over blocks, as a coarse file holds them."""
    return data.coarsen(lat=FACTOR, lon=FACTOR).mean(keep_attrs=True)


def coarse(root, *, at=None, inputs=(), patch=PATCH, **changes):
    given = inputs or (str(root / "coarse.nc"),)
    return open_coarse(given, at, settings(root, **changes), patch)


def refused(*arguments, **options):
    with pytest.raises(Refusal) as caught:
        coarse(*arguments, **options)
    return str(caught.value)


@pytest.fixture
def root(tmp_path):
    write(dataset(), tmp_path / "fine" / "a.nc")
    write(coarse_of(dataset()), tmp_path / "coarse.nc")
    return tmp_path


def test_the_input_is_the_one_that_the_fine_file_gives(root):
    from_fine = opened(root / "fine", patch=PATCH, surface_files=[])
    found = coarse(root)
    assert len(found) == 4
    expected, made = from_fine[0].input.named, found[0].named
    assert made.keys() == expected.keys()
    for name, array in made.items():
        assert array.shape == expected[name].shape, name
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected[name], rtol=2e-4, atol=2e-4, err_msg=name)
    where, fine = found.coordinates(0), from_fine.coordinates(0)
    np.testing.assert_allclose(where.latitude, fine.latitude, atol=1e-9)
    np.testing.assert_allclose(where.longitude, fine.longitude, atol=1e-9)
    assert (where.time, where.levels_hpa) == (fine.time, LEVELS)


def test_all_states_are_taken_or_those_of_a_time(root):
    found = coarse(root)
    assert found.labels[:2] == ["coarse_20200101T0000", "coarse_20200101T0600"]
    assert found.last == np.datetime64("2020-01-01T18:00")
    one = coarse(root, at=np.datetime64("2020-01-01T06:00:00", "s"))
    assert one.labels == ["coarse_20200101T0600"]
    told = refused(root, at=np.datetime64("2020-01-01T07:00:00", "s"))
    assert told.startswith("--at 2020-01-01T07:00:00: no state of that time, the nearest are of ")


def test_a_folder_gives_the_files_in_it_and_leaves_others(root):
    (root / "fine" / "README.md").write_text("no data")
    write(coarse_of(dataset()), root / "fine" / "a.nc")
    assert len(coarse(root, inputs=(str(root / "fine"),))) == 4
    (root / "fine" / "a.nc").unlink()
    told = refused(root, inputs=(str(root / "fine"),))
    assert told.endswith("holds no NetCDF file; give files of temperature")


def test_what_is_known_on_the_fine_grid_comes_from_the_surface_file(root):
    write(surface(), root / "ground.nc")
    found = coarse(root, surface_files=["ground.nc"])
    below = [3 - found[i].weight[:, 3, 5].sum() for i in range(4)]
    assert below == [0, 1, 1, 2]  # by the pressure of the time, see `surface`
    np.testing.assert_allclose(found[3].statics[..., 0], 1.0, rtol=1e-6)
    np.testing.assert_array_equal(found[3].statics[0, :2, 1], [1, 0])
    assert not any("orography" in note for note in found.notes)


def test_without_one_statics_are_0_and_the_user_is_told(root):
    found = coarse(root)
    assert not found[0].statics[..., :2].any()
    assert found.notes[0] == "coarse.nc: 4 x 6 points are the coarse cells of 16 x 24"
    assert "orography and land sea mask of the fine grid: 0" in found.notes[1]
    assert found.notes[-1] == "coarse.nc: priors from winds"


def test_a_surface_file_of_another_grid_is_refused(root):
    write(surface().isel(lat=slice(0, 12)), root / "ground.nc")
    told = refused(root, surface_files=["ground.nc"])
    assert told.startswith(f"{root / 'ground.nc'}: 12 x 24 points, expected 16 x 24")
    moved = surface().assign_coords(lat=surface().lat - 0.5)
    write(moved, root / "ground.nc")
    told = refused(root, surface_files=["ground.nc"])
    assert "its points lie up to 0.5 degrees from those behind the cells" in told
    assert told.endswith("or set data.surface_files=[]")


def test_levels_that_the_model_needs_are_refused_where_they_lack(root):
    told = refused(root, patch=Patch(frame=None, levels_hpa=(925.0, 850.0)))
    assert "no level 925 hPa" in told


def test_a_fine_grid_has_its_block_means_where_the_coarse_points_are():
    latitude = np.array([50.0, 48.0, 45.0, 43.0])  # not even
    grid = regular_grid(latitude, np.array([0.0, 3.0, 6.0]))
    back = refined(grid, 3).coarse(3)
    assert back.shape == grid.shape
    np.testing.assert_allclose(back.x.values, grid.x.values, atol=1e-9)
    np.testing.assert_allclose(back.y.values[1:-1], latitude[1:-1], atol=0.2)


def test_the_fine_grid_of_a_map_has_its_metric():
    data = projected(dataset())
    whole = projected_grid(data.lat.values, data.lon.values)
    fine = refined(whole, 2)
    assert fine.shape == (32, 48)
    # one degree of latitude in two steps
    np.testing.assert_allclose(
        np.abs(fine.metric.h_y), np.abs(whole.metric.h_y).mean() / 2, rtol=1e-3
    )
    assert (np.sign(fine.metric.h_y) == np.sign(whole.metric.h_y[0, 0])).all()
    np.testing.assert_allclose(fine.coarse(2).latitude, whole.latitude, atol=1e-6)


def test_rows_at_the_poles_are_left_out_and_a_circle_stays_closed():
    grid = regular_grid(np.linspace(90, -90, 7), np.arange(0, 360, 30.0))
    assert without_poles(grid, 2) == slice(1, 6)
    fine = refined(grid.cut(slice(1, 6), slice(None)), 2)
    assert fine.metric.periodic
    assert np.abs(fine.latitude).max() == 67.5  # 60 and a quarter of 30
    with pytest.raises(ValueError, match="beyond a pole"):
        refined(grid, 2)
    part = regular_grid(np.array([60.0, 50.0, 40.0]), np.array([0.0, 10.0, 20.0]))
    assert without_poles(part, 4) == slice(0, 3)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real fields beside the project")
@pytest.mark.parametrize(
    ("name", "states", "fine"),
    [
        ("nam211", 2, (130, 186)),
        ("ruc212", 10, (198, 250)),
        ("gfs_1deg", 1, (92, 202)),
        ("era5_eda_3deg", 40, (118, 240)),  # without the rows at the poles
    ],
)
def test_all_real_files_serve_as_coarse_input(name, states, fine):
    patch = Patch(levels_hpa=(850.0, 500.0), factor=2, frame=None, prior_source="available")
    found = open_coarse([str(SHARED / f"{name}.nc")], None, settings(SHARED), patch)
    assert len(found) == states
    made = found[0]
    assert made.temperature_lr.shape == (2, fine[0] // 2, fine[1] // 2, 1)
    assert made.statics.shape[:2] == fine
    assert all(np.isfinite(array).all() for array in made.named.values())
    assert made.metric[..., 2].all() == (name == "era5_eda_3deg")
