import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import xarray as xr

from mindcast.data.incoming.contents import contents_of

SHAPE = (3, 4, 5)
RAW = np.random.default_rng(0).integers(0, 90, SHAPE)


def written(path, kind, fill, **packing):
    with netCDF4.Dataset(path, "w") as file:
        for name, size in zip(("time", "y", "x"), SHAPE, strict=True):
            file.createDimension(name, size)
        rain = file.createVariable("rain", kind, ("time", "y", "x"), fill_value=fill)
        rain.set_auto_maskandscale(False)
        rain.setncatts(packing)
        raw = RAW.astype(kind)
        if fill is not None:
            raw[0, 1] = fill
        rain[:] = raw
    return path


@pytest.mark.parametrize(
    ("kind", "fill", "packing"),
    [
        ("i2", -1, {"scale_factor": 0.05, "add_offset": 0.0}),
        ("i2", -1, {"scale_factor": np.float32(0.05)}),
        ("u1", 255, {"scale_factor": 0.5, "add_offset": -32.0}),
        ("i4", None, {}),
        ("f4", -9999.0, {}),
        ("f8", np.nan, {"missing_value": 7.0}),
    ],
)
def test_frames_have_the_values_that_xarray_reads(tmp_path, kind, fill, packing):
    path = written(tmp_path / "a.nc", kind, fill, **packing)
    with xr.open_dataset(path) as data, contents_of(path) as ours:
        for number in range(SHAPE[0]):
            field = ours["rain"].isel({"time": number})
            assert (field.dims, field.sizes) == (("y", "x"), {"y": 4, "x": 5})
            expected = data["rain"].isel(time=number).values
            np.testing.assert_array_equal(
                np.asarray(field.values, np.float64), np.asarray(expected, np.float64)
            )


def test_a_frame_is_read_without_xarray(tmp_path):
    path = written(tmp_path / "a.nc", "i2", -1)
    code = (
        "import sys; from pathlib import Path\n"
        "from mindcast.data.incoming import netcdf\n"
        "from mindcast.data.incoming.contents import contents_of\n"
        "with contents_of(Path(sys.argv[1])) as data: data['rain'].isel({'time': 1}).values\n"
        "print('xarray' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert told == "False\n"
