import pickle

import numpy as np
import pytest

from mindcast.physics.horizontal import PERIODIC, ROW_WEIGHT, divergence
from mindcast.physics.priors import geostrophic_winds, known_winds, prior_channels
from mindcast.physics.resample import block_mean, coarsen_bicubic
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, projected, write

PRESSURE = 100 * np.array(LEVELS)
WHOLE = Patch(frame=None)


def named(fields, i=0):
    return fields[i].named


@pytest.fixture
def root(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    return tmp_path


def test_a_sample_has_the_agreed_arrays(root):
    fields = opened(root)
    shapes = {
        "temperature_lr": (3, 2, 2, 1),
        "wind_lr": (3, 2, 2, 3),
        "priors_lr": (3, 2, 2, 7),
        "statics": (8, 8, 3),
        "metric": (8, 8, 4),
        "weight": (3, 8, 8, 1),
        "truth": (3, 8, 8, 1),
    }
    assert fields.shapes == shapes
    for i in (0, len(fields) - 1):
        for name, array in named(fields, i).items():
            assert array.shape == shapes[name], name
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
    assert (fields.unit, fields.levels_hpa) == ("K", LEVELS)
    np.testing.assert_array_equal(fields.keys, np.arange(len(fields)))


def test_the_whole_domain_holds_the_file_s_values_and_their_block_means(root):
    sample, truth = named(opened(root, patch=WHOLE)), dataset().t.values[0]
    np.testing.assert_array_equal(sample["truth"][..., 0], truth)
    coarse = block_mean(truth, 4)
    np.testing.assert_allclose(sample["temperature_lr"][..., 0], coarse, rtol=1e-6)
    np.testing.assert_allclose(sample["statics"][:, 0, 2], np.sin(np.radians(60 - np.arange(16))))
    assert not sample["statics"][..., :2].any()
    assert sample["weight"].all()


def test_the_priors_are_those_of_the_coarse_fields_on_the_coarse_grid(root):
    fields, data = opened(root, patch=WHOLE), dataset().isel(time=0)
    sample = named(fields)
    t, u, v, w = (block_mean(data[name].values, 4) for name in "tuvw")
    metric = fields.domains[0].coarse_grid.metric
    priors = prior_channels(t, known_winds(u, v, w, PRESSURE, metric), PRESSURE, metric)
    np.testing.assert_allclose(sample["priors_lr"][..., :6], priors, rtol=1e-5, atol=1e-4)
    assert (sample["priors_lr"][..., 6] == 1).all()
    np.testing.assert_allclose(sample["wind_lr"], np.stack([u, v, w], -1), rtol=1e-5, atol=1e-6)


def test_the_coarse_grid_is_the_fine_one_s_block_means(root):
    domain = opened(root, patch=WHOLE).domains[0]
    np.testing.assert_allclose(domain.coarse_grid.y.values, [58.5, 54.5, 50.5, 46.5])
    fine, coarse = domain.grid.metric, domain.coarse_grid.metric
    np.testing.assert_allclose(coarse.h_x, 4 * block_mean(fine.h_x, 4), rtol=1e-3)
    np.testing.assert_allclose(coarse.h_y, 4 * block_mean(fine.h_y, 4), rtol=1e-9)


def test_a_map_s_coarse_steps_are_as_many_times_longer(tmp_path):
    data = projected(dataset(), dx_m=50000.0)
    data["map_factor"] = (("y", "x"), np.ones((16, 24), np.float32))
    write(data, tmp_path / "a.nc")
    metric = opened(tmp_path, patch=WHOLE).domains[0].coarse_grid.metric
    np.testing.assert_allclose(metric.h_x, 200000.0)
    np.testing.assert_allclose(metric.h_y, -200000.0)


@pytest.mark.parametrize(("columns", "expected"), [(None, 1), ((0, 16), 0)])
def test_a_sample_closes_the_circle_if_it_has_all_its_columns(tmp_path, columns, expected):
    data = dataset().assign_coords(lon=360 / 24 * np.arange(24))
    write(data, tmp_path / "a.nc")
    region = {"columns": columns} if columns else {"files": ["a.nc"]}
    whole = opened(tmp_path, patch=WHOLE, train=region)
    assert (named(whole)["metric"][..., PERIODIC] == expected).all()
    assert not named(opened(tmp_path))["metric"][..., PERIODIC].any()
    rows = opened(tmp_path, patch=Patch(frame=(8, 24)))
    assert named(rows)["metric"][..., PERIODIC].all()


def test_rows_weigh_in_the_metric_as_they_did_in_the_block_means(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    write(projected(dataset()), tmp_path / "map.nc")
    cosine = np.cos(np.radians(60.0 - np.arange(16)))[:, np.newaxis] * np.ones(24)

    def weights(file, **changes):
        fields = opened(tmp_path, patch=WHOLE, files=[file], **changes)
        return named(fields)["metric"][..., ROW_WEIGHT]

    np.testing.assert_allclose(weights("a.nc", area_weight=True), cosine, rtol=1e-6)
    assert (weights("a.nc") == 1).all()
    assert (weights("a.nc", area_weight=True, coarsening="bicubic") == 1).all()
    assert (weights("map.nc", area_weight=True) == 1).all()
    crop = named(opened(tmp_path, files=["a.nc"], area_weight=True), 7)  # row 4, column 8
    np.testing.assert_allclose(crop["metric"][..., ROW_WEIGHT], cosine[4:12, 8:16], rtol=1e-6)
    means = block_mean(crop["truth"][..., 0], 4, crop["metric"][:, 0, ROW_WEIGHT])
    np.testing.assert_allclose(crop["temperature_lr"][..., 0], means, rtol=1e-6)


@pytest.mark.parametrize(("frame", "closes"), [(None, True), ((8, 8), False)])
def test_a_circle_of_any_width_stays_closed_unless_columns_are_trimmed(tmp_path, frame, closes):
    data = dataset(width=18).assign_coords(lon=20.0 * np.arange(18))
    write(data, tmp_path / "a.nc")
    domain = opened(tmp_path, patch=Patch(frame=frame)).domains[0]
    assert domain.coarse_grid.metric.periodic == domain.grid.metric.periodic == closes


def test_a_wave_around_a_circle_has_its_slope_at_the_cell_that_is_not_whole(tmp_path):
    # 72 columns of 5 degrees and 2 left over in cells of 5; t = 250 + 10 cos(longitude)
    data = dataset(times=1, height=15, width=72).assign_coords(
        lon=5.0 * np.arange(72), lat=14.0 - 2 * np.arange(15)
    )
    data["t"][:] = 250 + 10 * np.cos(np.radians(data.lon.values)).astype(np.float32)
    write(data, tmp_path / "a.nc")
    patch = Patch(frame=None, factor=5)
    region = {"files": ["a.nc"]}
    fields = opened(tmp_path, patch=patch, train=region, area_weight=True)
    grid = fields.domains[0].coarse_grid
    assert grid.shape == (3, 15)
    slope = named(fields)["priors_lr"][0, :, :, 3]  # K/100 km
    longitude, latitude = np.radians(grid.longitude), np.radians(grid.latitude)
    exact = -10 * np.sin(longitude) / (6.371e6 * np.cos(latitude)) * 1e5
    # centred differences over 25 degrees: low by 1 - sinc(25 degrees) = 3 %, means by 1 % more;
    # about the narrow cell one side is 25, the other 17.5 degrees: first order, 7 %
    np.testing.assert_allclose(slope, exact, atol=0.08 * np.abs(exact).max())
    assert np.abs(slope[:, [0, -2, -1]] - exact[:, [0, -2, -1]]).max() < 0.08 * np.abs(exact).max()


def test_crops_are_cut_out_of_whole_fields_so_that_they_have_no_borders(root):
    whole, crops = named(opened(root, patch=WHOLE)), opened(root, crop_stride=4)
    # 16 x 24 cells, crops of 8 x 8 every 4: 3 x 5 crops, number 7 starts at row 4, column 8
    crop = named(crops, 7)
    assert crops.label(7) == "a_20200101T0000_y4_x8"
    for name, array in crop.items():
        rows, columns = (
            (slice(1, 3), slice(2, 4)) if "_lr" in name else (slice(4, 12), slice(8, 16))
        )
        np.testing.assert_array_equal(array, whole[name][..., rows, columns, :])


def test_every_aligned_crop_of_every_state_is_a_sample(root):
    fields = opened(root, crop_stride=8, train={"end": "2020-01-01T06:00"})
    boxes = [fields.label(i).split("_", 2)[2] for i in range(len(fields))]
    once = [f"y{y}_x{x}" for y in (0, 8) for x in (0, 8, 16)]
    assert boxes == once * 2
    assert [str(fields.times(i)[0]) for i in (0, 6)] == ["2020-01-01T00:00", "2020-01-01T06:00"]
    with pytest.raises(IndexError):
        fields[len(fields)]


def test_crops_stay_inside_their_region_and_on_whole_coarse_cells(root):
    fields = opened(root, train={"columns": (3, 21)}, test={"columns": (21, 24)})
    columns = {int(fields.label(i).rpartition("x")[2]) for i in range(len(fields))}
    assert columns == {4, 8, 12}  # 4..20 are whole coarse cells


def test_a_whole_domain_holds_every_point_whatever_its_size(tmp_path):
    data = dataset(height=19, width=31)
    write(data, tmp_path / "a.nc")
    fields = opened(tmp_path, patch=WHOLE)
    sample, where = fields[0], fields.coordinates(0)
    np.testing.assert_array_equal(sample.truth[..., 0], data.t.values[0])
    np.testing.assert_array_equal(where.y.values, data.lat.values)
    np.testing.assert_array_equal(where.x.values, data.lon.values)
    coarse = sample.input.temperature_lr[..., 0]
    assert coarse.shape == (3, 5, 8)
    # the last cells: rows 16 to 18, columns 28 to 30
    corner = data.t.values[0, :, 16:, 28:].mean(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(coarse[:, -1, -1], corner, rtol=1e-6)
    for name in ("wind_lr", "priors_lr"):
        assert sample.named[name].shape[1:3] == (5, 8)
    for name in ("statics", "metric"):
        assert sample.named[name].shape[:2] == (19, 31)


def test_the_source_says_how_large_the_samples_are(tmp_path):
    write(dataset(height=19, width=31), tmp_path / "a.nc")
    write(dataset(), tmp_path / "b.nc")
    region = {"end": "2020-01-01T00:00"}
    assert (
        "2 samples of 16 x 24, 19 x 31 points" in opened(tmp_path, patch=WHOLE, train=region).source
    )
    assert "crops of 8 x 8 points" in opened(tmp_path, train=region).source


@pytest.mark.parametrize("on_a_map", [False, True])
@pytest.mark.parametrize("size", [(19, 31), (17, 29), (18, 26)])
def test_a_slope_has_its_gradient_in_cells_of_every_size(tmp_path, size, on_a_map):
    height, width = size
    data = dataset(times=1, height=height, width=width)
    rows, columns = np.indices(size)
    data["t"][:] = (280 - 0.5 * rows + 0.25 * columns).astype(np.float32)
    if on_a_map:
        data = projected(data, dx_m=50000.0)
        data["map_factor"] = (("y", "x"), np.ones(size, np.float32))
    write(data, tmp_path / "a.nc")
    fields = opened(tmp_path, patch=WHOLE, train={"files": ["a.nc"]})
    metric = fields.domains[0].grid.metric
    along_x, along_y = named(fields)["priors_lr"][0, :, :, 3:5].transpose(2, 0, 1)  # K/100 km
    # a step of the fine grid: 0.25 K along x and -0.5 K along y, whatever cells are made of it
    np.testing.assert_allclose(along_y, -0.5 / metric.h_y[0, 0] * 1e5, rtol=1e-4)
    expected = 0.25e5 / block_mean(metric.h_x, 4)
    np.testing.assert_allclose(along_x, expected, rtol=1e-3)


def test_a_region_taken_whole_has_cells_of_its_own(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    truth = dataset().t.values[0].astype(np.float64)
    # 16 rows: 3 to 14 are three cells of 4; 24 columns: 5 to 21 are four and one left
    region = {"rows": [3, 15], "columns": [5, 22], "end": "2020-01-01T00:00"}
    fields = opened(tmp_path, patch=WHOLE, train=region)
    sample = named(fields)
    np.testing.assert_array_equal(sample["truth"][..., 0], truth[:, 3:15, 5:22])
    np.testing.assert_allclose(
        sample["temperature_lr"][..., 0], block_mean(truth[:, 3:15, 5:22], 4), rtol=1e-6
    )
    assert fields.label(0) == "a_20200101T0000_y3_x5"
    np.testing.assert_array_equal(fields.coordinates(0).y.values, 60.0 - np.arange(3, 15))


def test_no_point_of_another_split_is_in_the_cells_of_a_region(tmp_path):
    # 10 rows to test, the rest to train: what lies there must not show in the test's coarse values
    data = dataset(times=1)
    region = {"train": {"rows": [10, 16]}, "test": {"rows": [0, 10]}}
    found = []
    for change in (0, 5):
        data["t"][:, :, 10:] += change
        write(data, tmp_path / f"{change}" / "a.nc")
        fields = opened(tmp_path / f"{change}", "test", WHOLE, **region)
        found.append(named(fields))
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][name], err_msg=name)


def test_a_region_of_whole_cells_has_no_borders_of_its_own(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    whole = named(opened(tmp_path, patch=WHOLE))
    part = named(opened(tmp_path, patch=WHOLE, train={"rows": [4, 12], "columns": [8, 20]}))
    rows, columns = slice(1, 3), slice(2, 5)
    np.testing.assert_array_equal(part["priors_lr"], whole["priors_lr"][:, rows, columns])


def test_a_row_at_a_pole_is_a_cell_of_its_own_with_a_finite_mean(tmp_path):
    # 19 rows from pole to pole, a cell of 4 rows and again, and the south pole's three, then one
    for height in (19, 17):
        data = dataset(times=1, height=height).assign_coords(
            lat=np.linspace(90, -90, height), lon=15.0 * np.arange(24)
        )
        write(data, tmp_path / f"{height}" / "a.nc")
        region = {"files": ["a.nc"]}
        fields = opened(tmp_path / f"{height}", patch=WHOLE, train=region, area_weight=True)
        sample = named(fields)
        assert all(np.isfinite(array).all() for array in sample.values())
        weights = sample["metric"][:, 0, ROW_WEIGHT]
        assert (weights > 0).all()
        means = block_mean(sample["truth"][..., 0], 4, weights)
        np.testing.assert_allclose(sample["temperature_lr"][..., 0], means, rtol=1e-6)
    pole = data.t.values[0, :, -1].reshape(3, 6, 4).mean(axis=-1)
    np.testing.assert_allclose(sample["temperature_lr"][:, -1, :, 0], pole, rtol=1e-6)


def test_levels_below_the_ground_have_weight_zero(tmp_path):
    data = dataset()
    data["sp"][:, 3, 5] = 90000.0  # between 1000 and 850 hPa
    write(data, tmp_path / "a.nc")
    weight = named(opened(tmp_path, patch=WHOLE))["weight"][..., 0]
    expected = np.ones((3, 16, 24))
    expected[0, 3, 5] = 0
    np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("with_surface_pressure", [True, False])
def test_missing_values_below_the_ground_take_the_level_above(tmp_path, with_surface_pressure):
    data = dataset()
    for name in "tuvw":
        data[name][:, :2, 3, 5] = np.nan
    data["sp"][:, 3, 5] = 70000.0
    write(data if with_surface_pressure else data.drop_vars("sp"), tmp_path / "a.nc")
    sample = named(opened(tmp_path, patch=WHOLE))
    column = sample["truth"][:, 3, 5, 0]
    np.testing.assert_array_equal(column, np.full(3, data.t.values[0, 2, 3, 5]))
    np.testing.assert_array_equal(sample["weight"][:, 3, 5, 0], [0, 0, 1])
    assert all(np.isfinite(array).all() for array in sample.values())


def test_without_omega_in_the_file_it_comes_from_continuity(tmp_path):
    write(dataset().drop_vars("w"), tmp_path / "a.nc")
    fields = opened(tmp_path, patch=WHOLE)
    omega = named(fields)["wind_lr"][..., 2]
    assert not omega[[0, -1]].any()
    u, v = (block_mean(dataset()[name].values[0], 4) for name in "uv")
    div = divergence(u, v, fields.domains[0].coarse_grid.metric)
    # three levels: omega_1 = -(D_1 + D_2)/2 dp, less its linear part, see `omega_from_continuity`
    upper, lower = (-(div[k] + div[k + 1]) / 2 * (PRESSURE[k] - PRESSURE[k + 1]) for k in (1, 0))
    expected = upper - (upper + lower) * (85000 - 50000) / (100000 - 50000)
    np.testing.assert_allclose(omega[1], expected, rtol=1e-4, atol=1e-6)


def test_geostrophic_priors_take_their_wind_from_the_coarse_heights(root):
    patch = Patch(frame=None, prior_source="geostrophic")
    fields = opened(root, patch=patch)
    grid = fields.domains[0].coarse_grid
    heights = block_mean(dataset().gh.values[0], 4)
    winds = geostrophic_winds(heights, grid.latitude, grid.metric)
    sample = named(fields)
    np.testing.assert_allclose(sample["wind_lr"][..., 0], winds.u, rtol=1e-4)
    assert not sample["wind_lr"][..., 2].any()
    assert (sample["priors_lr"][..., 6] == 1).all()


def test_priors_from_temperature_alone_mark_that_no_winds_are_present(root):
    sample = named(opened(root, patch=Patch(prior_source="temperature_only")))
    assert not sample["wind_lr"].any()
    assert not sample["priors_lr"][..., [0, 1, 6]].any()
    assert sample["priors_lr"][..., 2:6].any()


def test_available_priors_are_the_best_that_each_file_serves(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    write(dataset().drop_vars(["u", "v"]), tmp_path / "b.nc")
    write(dataset()[["t"]], tmp_path / "c.nc")
    fields = opened(tmp_path, patch=Patch(prior_source="available"))
    sources = [domain.source for domain in fields.domains]
    assert sources == ["winds", "geostrophic", "temperature_only"]
    assert "priors from geostrophic, temperature_only, winds" in fields.source


def test_block_means_may_be_weighted_by_area_or_replaced_by_bicubic_coarsening(root):
    truth = dataset().t.values[0].astype(np.float64)
    weighted = named(opened(root, patch=WHOLE, area_weight=True))["temperature_lr"][..., 0]
    weights = np.cos(np.radians(60.0 - np.arange(16)))
    np.testing.assert_allclose(weighted, block_mean(truth, 4, weights), rtol=1e-6)
    bicubic = named(opened(root, patch=WHOLE, coarsening="bicubic"))["temperature_lr"][..., 0]
    np.testing.assert_allclose(bicubic, coarsen_bicubic(truth, 4), rtol=1e-6)


def test_orography_and_land_are_statics(tmp_path):
    data = dataset()
    data["orog"] = (("lat", "lon"), np.full((16, 24), 500.0), {"units": "m"})
    data["lsm"] = (("lat", "lon"), np.tile([1.0, np.nan], (16, 12)))
    write(data, tmp_path / "a.nc")
    statics = named(opened(tmp_path, patch=WHOLE))["statics"]
    assert (statics[..., 0] == 0.5).all()
    np.testing.assert_array_equal(statics[0, :2, 1], [1, 0])


def test_memory_is_bounded_and_what_was_dropped_is_read_again(root):
    fields = opened(root, patch=WHOLE, train={"files": ["a.nc"]})
    first = fields[0]
    fields._limit = 1  # no state fits beside another
    assert [len(fields._kept) for i in range(4) if fields[i]] == [1, 1, 1, 1]
    for name, again in named(fields).items():
        np.testing.assert_array_equal(again, first.named[name])


def test_a_split_travels_to_another_process_without_its_memory(root):
    fields = opened(root)
    copy = pickle.loads(pickle.dumps(fields))
    assert not copy._kept
    for name, got in named(copy, 3).items():
        np.testing.assert_array_equal(got, named(fields, 3)[name])


def test_coordinates_are_those_of_the_crop(root):
    crops = opened(root)
    place = crops.coordinates(7)  # row 4, column 8
    assert (place.y.name, place.y.unit) == ("latitude", "degrees_north")
    np.testing.assert_allclose(place.y.values, 56.0 - np.arange(8))
    np.testing.assert_allclose(place.x.values, 18.0 + np.arange(8))
    np.testing.assert_allclose(place.longitude[3], place.x.values)
    assert place.levels_hpa == LEVELS
    assert str(place.time) == "2020-01-01T00:00"
    assert place.member is None


def test_on_a_map_coordinates_are_metres_and_positions(tmp_path):
    write(projected(dataset()), tmp_path / "a.nc")
    place = opened(tmp_path, patch=WHOLE).coordinates(0)
    assert (place.y.name, place.y.unit) == ("y", "m")
    np.testing.assert_allclose(np.diff(place.y.values), -111198, rtol=1e-3)
    assert place.latitude.shape == (16, 24)
