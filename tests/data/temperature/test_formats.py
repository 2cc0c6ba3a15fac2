import os
import subprocess
import sys

import h5py
import netCDF4
import numpy as np
import pytest

from mindcast.data.temperature.scan import scan
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, projected, write

FORMATS = [
    "NETCDF4",
    "NETCDF4_CLASSIC",
    "NETCDF3_CLASSIC",
    "NETCDF3_64BIT_OFFSET",
    "NETCDF3_64BIT_DATA",
]


def first(path):
    file = scan(path)
    return file.read("temperature", file.states[0], LEVELS)


def refusal(root):
    with pytest.raises(Refusal) as caught:
        list(opened(root, "train", Patch(frame=None)))
    message = str(caught.value)
    assert "\n" not in message
    assert str(root) in message
    return message


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("unlimited", [[], ["time"]])
def test_every_kind_of_netcdf_is_read(tmp_path, file_format, unlimited):
    path = tmp_path / "a.nc"
    write(dataset(), path, "netcdf4", format=file_format, unlimited_dims=unlimited)
    np.testing.assert_array_equal(first(path), dataset().t.values[0])


@pytest.mark.parametrize("file_format", FORMATS[2:])
@pytest.mark.parametrize("unlimited", [[], ["time"]])
@pytest.mark.parametrize("lost", [1, 100, 20000])
def test_a_classic_file_that_lost_its_end_is_refused(tmp_path, file_format, unlimited, lost):
    # netCDF-C would take what is lost of CDF-5 for zeros
    data = dataset()[["u", "v", "t"]].astype("f8")
    data.t.attrs["units"] = "K"
    path = write(data, tmp_path / "a.nc", "netcdf4", format=file_format, unlimited_dims=unlimited)
    content = path.read_bytes()
    path.write_bytes(content[:-lost])
    assert f"({len(content) - lost} bytes of {len(content)}); it is truncated" in refusal(tmp_path)


def packed(path, **attributes):
    """Temperatures as int16 in steps of 0.01 K from 250 K, with further attributes."""
    encoding = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 250.0, "_FillValue": -32768}
    write(dataset(), path, "netcdf4", encoding={"t": encoding})
    with netCDF4.Dataset(path, "a") as file:
        file["t"].setncatts(attributes)
    return path


@pytest.mark.parametrize(
    "attributes",
    [
        {"valid_range": np.array([-5000, 9000], "i2")},  # 200 to 340 K, packed
        {"valid_range": np.array([200.0, 340.0], "f4")},
        {"valid_min": np.int16(-5000), "valid_max": np.int16(9000)},
    ],
)
def test_a_valid_range_that_holds_all_values_changes_none(tmp_path, attributes):
    plain, ranged = packed(tmp_path / "a.nc"), packed(tmp_path / "b.nc", **attributes)
    np.testing.assert_array_equal(first(plain), first(ranged))
    np.testing.assert_allclose(first(plain), dataset().t.values[0], atol=0.006)


@pytest.mark.parametrize(
    "attributes",
    [
        {"valid_range": np.array([-5000, 3000], "i2")},  # up to 280 K
        {"valid_max": np.float32(280.0)},
        {"valid_range": np.array([200.0, 280.0], "f8")},
    ],
)
def test_values_outside_the_valid_range_are_missing(tmp_path, attributes):
    values = first(packed(tmp_path / "a.nc", **attributes))
    warm = dataset().t.values[0] > 280.01
    assert np.isnan(values[warm]).all()
    assert np.isfinite(values[dataset().t.values[0] < 279.99]).all()
    assert "above the ground (as values outside valid_range count)" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"valid_range": "200, 330"}, "t has a valid range that is no pair of numbers"),
        ({"scale_factor": "0.01"}, "t has scale_factor = '0.01', expected a number"),
        ({"scale_factor": 0.0}, "t has scale_factor = 0.0, expected a number"),
        ({"add_offset": np.nan}, "t has add_offset = nan, expected a number"),
        ({"_Unsigned": "true"}, "t from 250 to 905.35 K, expected 100 to 400"),  # 65535 / 100
    ],
)
def test_packing_that_makes_no_sense_is_refused(tmp_path, attributes, words):
    packed(tmp_path / "a.nc", **attributes)
    assert words in refusal(tmp_path)


def test_unsigned_bytes_are_unpacked_as_such(tmp_path):
    path = tmp_path / "a.nc"
    codes = np.arange(16 * 24).reshape(16, 24) % 256  # of which half are negative as i1
    data = dataset().assign(lsm=(("lat", "lon"), codes.astype("i1")))
    data.lsm.attrs.update(units="1", scale_factor=1 / 255, _Unsigned="true")
    write(data, path, "netcdf4", format="NETCDF3_CLASSIC")
    file = scan(path)
    np.testing.assert_allclose(file.read("land_sea_mask", file.states[0]), codes / 255)


@pytest.mark.parametrize("filters", ["present", "absent"])
def test_a_file_packed_with_a_filter_is_read_or_refused_as_such(tmp_path, filters):
    # a process of its own: HDF5 looks for filters once
    path = tmp_path / "a.nc"
    write(dataset(), path, "netcdf4", encoding={"t": {"compression": "zstd"}})
    code = (
        "import sys; from pathlib import Path; from mindcast.data.temperature.scan import scan\n"
        "file = scan(Path(sys.argv[1]))\n"
        "print(file.read('temperature', file.states[0], (850.0,)).mean())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "HDF5_PLUGIN_PATH"}
    if filters == "absent":
        environment["HDF5_PLUGIN_PATH"] = str(tmp_path / "none")
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if filters == "present":
        assert float(done.stdout) == pytest.approx(dataset().t.values[0, 1].mean())
    else:
        assert "packed with a filter that this HDF5 lacks" in done.stderr


def test_values_that_are_text_are_refused(tmp_path):
    data = dataset()
    data["t"] = data.t.astype(str).astype(object)
    write(data, tmp_path / "a.nc")
    assert "a.nc: t holds" in refusal(tmp_path)


def test_a_file_with_groups_is_refused_with_their_names(tmp_path):
    dataset().to_netcdf(tmp_path / "a.nc", group="forecast/levels", engine="h5netcdf")
    message = refusal(tmp_path)
    assert "its variables lie in groups (forecast/levels)" in message
    assert message.endswith("such as ncks -G : -g forecast/levels IN OUT")


def test_hdf5_without_the_dimensions_of_netcdf_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["t"] = dataset().t.values
    assert "a.nc: is HDF5 without the named dimensions of NetCDF" in refusal(tmp_path)


def test_a_file_that_another_process_writes_is_refused_as_such(tmp_path):
    path = write(dataset(), tmp_path / "a.nc")
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print(1, flush=True); input()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        writer.stdout.readline()
        assert "another program is writing it" in refusal(tmp_path)
    finally:
        writer.communicate(b"\n")
    assert len(scan(path).states) == 4


def test_folders_links_and_addresses_are_refused_as_such(tmp_path):
    store, link = tmp_path / "store", tmp_path / "link"
    (store / "a.nc").mkdir(parents=True)
    assert "a.nc is a folder, perhaps a Zarr store" in refusal(store)
    link.mkdir()
    (link / "a.nc").symlink_to(tmp_path / "nowhere.nc")
    assert "a.nc: is a link to a file that is not there" in refusal(link)
    with pytest.raises(Refusal, match=r"is an address, expected a folder; fetch the files first"):
        opened("https://example.org/data")


def test_positions_that_have_a_time_of_one_are_read(tmp_path):
    data = projected(dataset()).rename(x="west_east", y="south_north")
    data = data.assign(XLAT=data.lat.expand_dims(Time=1), XLONG=data.lon.expand_dims(Time=1))
    file = scan(write(data.drop_vars(["lat", "lon"]), tmp_path / "a.nc"))
    np.testing.assert_allclose(file.grid.latitude[:, 0], 60.0 - np.arange(16))


def test_axes_in_radians_are_refused(tmp_path):
    latitude = ("lat", np.radians(60.0 - np.arange(16)), {"units": "radians"})
    write(dataset().assign_coords(lat=latitude), tmp_path / "a.nc")
    assert "axis lat is in 'radians', expected degrees" in refusal(tmp_path)
