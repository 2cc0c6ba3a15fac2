import numpy as np
import pytest
import xarray as xr

from tests.data.temperature.files import Patch, dataset, opened, write

WHOLE = Patch(frame=None)
ALL = {"train": {"start": "1900-01-01"}}


def labels(root, **changes):
    fields = opened(root, "train", WHOLE, **{**ALL, **changes})
    return [fields.label(i) for i in range(len(fields))], fields


def run(begin, first):
    data = dataset().isel(time=slice(first, first + 2)).rename(time="step").drop_vars("step")
    steps = ("step", [0.0, 6.0], {"units": "hours"})
    return data.assign_coords(step=steps, time=np.datetime64(begin, "ns"))


def test_states_that_differ_in_time_keep_their_plain_names(tmp_path):
    write(dataset(), tmp_path / "a.nc")
    found, _ = labels(tmp_path)
    assert found[1] == "a_20200101T0600_y0_x0"


def test_runs_with_one_valid_time_are_told_apart_by_when_they_began(tmp_path):
    both = xr.concat([run("2020-01-01T00", 0), run("2020-01-01T06", 1)], "time")
    write(both, tmp_path / "a.nc")
    found, fields = labels(tmp_path)
    assert found == [
        "a_20200101T0000_y0_x0",
        "a_20200101T0600_run20200101T0000_y0_x0",
        "a_20200101T0600_run20200101T0600_y0_x0",
        "a_20200101T1200_y0_x0",
    ]
    assert [str(fields.times(i)[0])[11:] for i in (1, 2)] == ["06:00", "06:00"]
    np.testing.assert_array_equal(fields[1].known_truth[..., 0], dataset().t.values[1])


def test_runs_in_files_of_their_own_keep_their_plain_names(tmp_path):
    write(run("2020-01-01T00", 0), tmp_path / "a.nc")
    write(run("2020-01-01T06", 1), tmp_path / "b.nc")
    assert labels(tmp_path)[0][1:3] == ["a_20200101T0600_y0_x0", "b_20200101T0600_y0_x0"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("east", "west/coast"):
        write(dataset(times=1), tmp_path / folder / "t.nc")
    write(
        dataset(times=1).assign_coords(time=[np.datetime64("2021-01-01", "ns")]),
        tmp_path / "x" / "t.nc",
    )
    found, _ = labels(tmp_path, files=["**/t.nc"])
    assert found == [
        "east_t_20200101T0000_y0_x0",
        "west_coast_t_20200101T0000_y0_x0",
        "t_20210101T0000_y0_x0",
    ]


def test_files_that_differ_in_their_ending_are_told_apart_by_it(tmp_path):
    for name in ("a.nc", "a.nc4"):
        write(dataset(times=1), tmp_path / name)
    found, _ = labels(tmp_path, files=["*.nc", "*.nc4"])
    assert found == ["a_20200101T0000_nc_y0_x0", "a_20200101T0000_nc4_y0_x0"]


def test_a_time_twice_in_one_file_is_told_apart_by_its_place(tmp_path):
    times = dataset().time.values[[0, 1, 1, 2]]
    write(dataset().assign_coords(time=times), tmp_path / "a.nc")
    found, fields = labels(tmp_path)
    assert found[1:3] == ["a_20200101T0600_time1_y0_x0", "a_20200101T0600_time2_y0_x0"]
    for i in range(4):
        np.testing.assert_array_equal(fields[i].known_truth[..., 0], dataset().t.values[i])


@pytest.mark.parametrize("files", [["a_b/c.nc", "a/b_c.nc"], ["a/b/c.nc", "a_b/c.nc", "c.nc"]])
def test_names_are_different_whatever_the_folders(tmp_path, files):
    for name in files:
        write(dataset(times=2), tmp_path / name)
    found, _ = labels(tmp_path, files=["**/*.nc"])
    assert len({*found}) == len(found) == 2 * len(files)


def test_the_surface_of_several_runs_is_matched_by_run(tmp_path):
    runs = [run("2020-01-01T00", 0), run("2020-01-01T06", 1)]
    write(xr.concat(runs, "time").drop_vars("sp"), tmp_path / "a.nc")
    lower = [data[["sp"]] - 5000 * i for i, data in enumerate(runs)]
    for data in lower:
        data.sp.attrs["units"] = "Pa"
    write(xr.concat(lower, "time"), tmp_path / "ground.nc")
    _, fields = labels(tmp_path, surface_files=["ground.nc"])
    file = fields.parts[0].file
    means = [file.read("surface_pressure", state).mean() for state in file.states]
    assert means == [101000, 101000, 96000, 96000]
