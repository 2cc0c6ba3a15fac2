import numpy as np
import pytest

from mindcast.refusal import Refusal
from tests.data.temperature.files import Patch, dataset, opened, projected, write

WHOLE = Patch(frame=None)
HALVES = {"train": {"columns": (0, 12)}, "test": {"columns": (12, 24)}}


def times(root, split, **changes):
    fields = opened(root, split, WHOLE, **changes)
    return [str(fields.times(i)[0])[8:13] for i in range(len(fields))]


def refusal(root, split="train", patch=WHOLE, **changes):
    with pytest.raises(Refusal) as caught:
        opened(root, split, patch, **changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def root(tmp_path):
    write(dataset(times=10), tmp_path / "a.nc")
    return tmp_path


def test_by_default_the_times_are_dealt_out_in_order(root):
    train, val, test = (times(root, split) for split in ("train", "val", "test"))
    assert [len(train), len(val), len(test)] == [6, 2, 2]
    assert train + val + test == sorted({*train, *val, *test})


def test_shares_may_be_chosen_and_each_split_has_one_time_at_least(root):
    assert len(times(root, "train", time_shares=(1.0, 0.0, 0.0))) == 8
    assert len(times(root, "val", time_shares=(1.0, 0.0, 0.0))) == 1
    assert len(times(root, "test", time_shares=(0.2, 0.2, 0.6))) == 6


def test_a_gap_leaves_times_out_between_splits(root):
    # a state every 6 h: 0..30 h train, 36 and 42 val, 48 and 54 test
    assert times(root, "val", gap_hours=12) == ["02T18"]
    assert times(root, "test", gap_hours=12) == ["03T06"]
    message = refusal(root, "val", gap_hours=18)
    assert "no time left for the val split after a gap of 18 hours; lower" in message


def test_splits_by_time_take_both_ends(root):
    ranges = {
        "train": {"end": "2020-01-01T12:00"},
        "val": {"start": "2020-01-01T18:00", "end": "2020-01-02T00:00"},
        "test": {"start": "2020-01-02T06:00"},
    }
    assert times(root, "train", **ranges) == ["01T00", "01T06", "01T12"]
    assert times(root, "val", **ranges) == ["01T18", "02T00"]
    assert len(times(root, "test", **ranges)) == 5


def test_a_time_in_two_splits_is_refused(root):
    ranges = {"train": {"end": "2020-01-01T12:00"}, "test": {"start": "2020-01-01T12:00"}}
    message = refusal(root, "train", **ranges)
    assert "data.train and data.test overlap: a.nc at 2020-01-01T12:00 and a.nc at" in message
    assert "move their times or regions apart" in message


def test_times_nearer_than_the_gap_are_refused(root):
    ranges = {"train": {"end": "2020-01-01T12:00"}, "test": {"start": "2020-01-01T18:00"}}
    assert len(times(root, "train", gap_hours=6, **ranges)) == 3
    message = refusal(root, "test", gap_hours=7, **ranges)
    assert "2020-01-01T18:00 and a.nc at 2020-01-01T12:00 share a region (gap_hours = 7" in message


def test_the_same_time_in_another_file_is_refused_where_it_shows_the_same_place(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    moved = dataset().assign_coords(lon=110.0 + np.arange(24))
    write(moved, tmp_path / "far.nc")
    write(projected(dataset(height=12)), tmp_path / "map.nc")
    splits = {"train": {"files": ["a.nc"]}, "test": {"files": ["map.nc"]}}
    assert "a.nc at 2020-01-01T00:00 and map.nc at 2020-01-01T00:00" in refusal(tmp_path, **splits)
    assert len(times(tmp_path, "train", **{**splits, "test": {"files": ["far.nc"]}})) == 4


def test_regions_that_do_not_meet_may_share_their_times(root):
    train, test = (opened(root, split, WHOLE, **HALVES) for split in ("train", "test"))
    assert len(train) == len(test) == 10
    assert test.coordinates(0).x.values[0] == 22.0
    assert train[0].truth.shape == (3, 16, 12, 1)


def test_regions_that_meet_or_come_nearer_than_the_gap_are_refused(root):
    meeting = {"train": {"columns": (0, 13)}, "test": {"columns": (12, 24)}}
    assert "overlap" in refusal(root, **meeting)
    assert "gap_cells = 1" in refusal(root, gap_cells=1, **HALVES)
    apart = {"train": {"columns": (0, 12)}, "test": {"columns": (16, 24)}}
    assert len(opened(root, "train", WHOLE, gap_cells=4, **apart)) == 10


def test_regions_on_a_circle_are_near_across_its_seam(tmp_path):
    write(dataset().assign_coords(lon=15.0 * np.arange(24)), tmp_path / "a.nc")
    ends = {"train": {"columns": (0, 8)}, "test": {"columns": (12, 24)}}
    assert "overlap" in refusal(tmp_path, gap_cells=2, **ends)


def test_regions_in_degrees_are_those_rows_and_columns(root):
    boxes = {
        "train": {"latitude": (53, 60)},
        "test": {"latitude": (45, 52), "longitude": (-346, -331)},
    }
    boxes["test"]["longitude"] = (14, 29)
    train, test = (
        opened(root, split, WHOLE, **boxes).coordinates(0) for split in ("train", "test")
    )
    np.testing.assert_allclose(train.y.values, 60.0 - np.arange(8))
    np.testing.assert_allclose(test.x.values, 14.0 + np.arange(16))


def test_longitudes_may_be_given_east_or_west(tmp_path):
    write(dataset().assign_coords(lon=210.0 + np.arange(24)), tmp_path / "a.nc")
    west = {"train": {"longitude": (-150, -135)}}
    fields = opened(tmp_path, "train", WHOLE, **west)
    np.testing.assert_allclose(fields.coordinates(0).x.values, 210.0 + np.arange(16))


@pytest.mark.parametrize(
    ("box", "first"),
    [
        ({"longitude": (-60, 60)}, -60.0),
        ({"longitude": (300, 60)}, 300.0),
        ({"columns": (20, 29)}, 300.0),
    ],
)
@pytest.mark.parametrize("flipped", [False, True])
def test_a_region_across_the_first_column_of_a_circle_is_one(tmp_path, box, first, flipped):
    data = dataset().assign_coords(lon=15.0 * np.arange(24))
    data["sp"] = data.sp.rename(time="time1")  # also what lies on axes of its own is turned
    data["sp"] = data.sp + (data.lon % 7)
    write(data.isel(lon=slice(None, None, -1 if flipped else 1)), tmp_path / "a.nc")
    fields = opened(tmp_path, "train", WHOLE, train={**box, "end": "2020-01-01T00:00"})
    wanted = [20, 21, 22, 23, 0, 1, 2, 3, 4]
    np.testing.assert_allclose(fields.coordinates(0).x.values, first + 15 * np.arange(9))
    np.testing.assert_array_equal(fields[0].known_truth[..., 0], data.t.values[0][..., wanted])
    file = fields.parts[0].file
    pressure = file.read("surface_pressure", file.states[0])
    np.testing.assert_array_equal(pressure[:, :9], data.sp.values[0][:, wanted])
    assert not fields[0].input.metric[..., 2].any()  # a part of a circle does not close


def test_a_region_of_all_longitudes_is_the_circle(tmp_path):
    write(dataset().assign_coords(lon=15.0 * np.arange(24)), tmp_path / "a.nc")
    for box in ((0, 360), (-180, 180)):
        fields = opened(tmp_path, "train", WHOLE, train={"longitude": box})
        assert fields[0].input.metric[..., 2].all()


def test_regions_turned_on_a_circle_keep_their_distance_in_cells(tmp_path):
    write(dataset().assign_coords(lon=15.0 * np.arange(24)), tmp_path / "a.nc")
    near = {"train": {"columns": (20, 28)}, "test": {"columns": (6, 14)}}  # cells 4 and 5 between
    assert "gap_cells = 3" in refusal(tmp_path, gap_cells=3, **near)
    assert len(opened(tmp_path, "train", WHOLE, gap_cells=2, **near)) > 0
    shared = {"train": {"columns": (20, 28)}, "test": {"columns": (3, 11)}}
    assert "overlap" in refusal(tmp_path, **shared)


def test_a_region_that_holds_nothing_or_two_pieces_is_refused(tmp_path):
    write(dataset().assign_coords(lon=14.0 * np.arange(24)), tmp_path / "a.nc")
    message = refusal(tmp_path, train={"longitude": (300, 30)})
    assert "data.train.longitude = [300.0, 30.0] crosses the first column of the grid" in message
    assert "holds no point" in refusal(tmp_path, train={"latitude": (-60, -50)})
    assert "columns = [20, 29], the grid has 24" in refusal(tmp_path, train={"columns": (20, 29)})


def test_degrees_are_refused_on_a_map(tmp_path):
    write(projected(dataset()), tmp_path / "a.nc")
    message = refusal(tmp_path, train={"latitude": (50, 60)})
    assert "are for latitude-longitude grids; give rows and columns" in message


def test_rows_outside_the_grid_are_refused(root):
    message = refusal(root, train={"rows": (0, 17)})
    assert "data.train.rows = [0, 17], the grid has 16" in message


def test_one_time_is_refused_by_time_and_accepted_by_region(tmp_path):
    write(dataset(times=1), tmp_path / "a.nc")
    message = refusal(tmp_path)
    assert "1 different times, expected 3 at least to split by time; give data.train" in message
    ranges = {"train": {"end": "2020-01-01"}, "test": {"start": "2020-01-02"}}
    message = refusal(tmp_path, "test", **ranges)
    assert "no time in the test split (2020-01-02 00:00:00 to the last)" in message
    assert "(1 times)" in message
    assert len(opened(tmp_path, "test", WHOLE, **HALVES)) == 1


def test_members_of_one_time_stay_together(tmp_path):
    write(dataset(times=3).expand_dims(number=[0, 1]), tmp_path / "a.nc")
    for split in ("train", "val", "test"):
        fields = opened(tmp_path, split, WHOLE)
        assert {fields.coordinates(i).member for i in range(len(fields))} == {0, 1}
        assert len({str(fields.times(i)[0]) for i in range(len(fields))}) == 1
    assert fields.label(1) == "a_20200101T1200_m1_y0_x0"


def test_files_are_taken_in_the_order_of_their_names(tmp_path):
    for name in ("b", "a"):
        write(dataset(), tmp_path / f"{name}.nc")
    fields = opened(tmp_path, "train", WHOLE)
    assert [domain.file.path.stem for domain in fields.domains] == ["a", "b"]
    assert len(opened(tmp_path, "train", WHOLE, files=["b*"]).domains) == 1


def test_a_split_that_is_not_described_beside_others_is_refused(root):
    message = refusal(root, "val", **HALVES)
    assert "data.val is missing though another split is described" in message


def test_a_test_needs_no_training_files(root):
    splits = {"train": {"files": ["gone.nc"]}, "test": {"files": ["a.nc"]}}
    assert len(opened(root, "test", WHOLE, **splits)) == 10


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"start": "2020-01-02", "end": "2020-01-01"}, "start = 2020-01-02 00:00:00 comes after"),
        ({"rows": (4, 4)}, r"rows = \[4, 4\], the second must be the larger"),
        ({"rows": (0, 4), "latitude": (0, 4)}, "rows and latitude set the same thing"),
    ],
)
def test_parts_that_make_no_sense_are_refused(tmp_path, part, message):
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, train=part)


def test_shares_that_do_not_sum_to_one_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must sum to 1"):
        opened(tmp_path, time_shares=(0.5, 0.2, 0.2))
