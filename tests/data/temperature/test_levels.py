import numpy as np
import pytest

from mindcast.data.temperature.scan import scan
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, dataset, write

HPA = np.array(LEVELS)


def on_levels(values, name="level", **attributes):
    """The fields on a vertical axis of that name, values and attributes."""
    data = dataset().assign_coords(level=("level", values, attributes))
    return data if name == "level" else data.rename(level=name)


@pytest.mark.parametrize(
    ("values", "name", "attributes"),
    [
        (HPA, "level", {"units": "millibars"}),
        (HPA, "level", {"units": "mb", "positive": "up"}),  # its unit decides
        (HPA / 10, "level", {"units": "kPa"}),
        (100 * HPA, "anything", {"units": "Pa"}),
        (HPA, "z", {"units": "hPa"}),
        (HPA, "anything", {"standard_name": "air_pressure", "units": "hPa"}),
        (HPA, "anything", {"axis": "Z", "units": "hPa"}),
        (HPA, "lev", {}),
        (100 * HPA, "plev", {}),
        (100 * HPA, "isobaricInPa", {}),
        (np.array(["1000", "850", "500"], object), "level", {}),
        (HPA.astype("i4"), "level", {"units": b"hPa"}),
    ],
)
@pytest.mark.parametrize("rising", [False, True])
def test_pressures_are_read_whatever_their_unit_name_and_order(
    tmp_path, values, name, attributes, rising
):
    data = on_levels(values, name, **attributes)
    data = data.isel({name: slice(None, None, -1 if rising else 1)})
    file = scan(write(data, tmp_path / "a.nc"))
    got = file.read("temperature", file.states[0], (850.0, 500.0))
    np.testing.assert_array_equal(got, dataset().t.values[0, 1:])


@pytest.mark.parametrize(
    ("values", "name", "attributes", "words"),
    [
        ([100.0, 1500.0, 5500.0], "level", {"units": "m"}, "axis level (units 'm') is no pressure"),
        ([290.0, 350.0, 400.0], "level", {"units": "K"}, "(units 'K') is no pressure"),
        ([1.0, 0.85, 0.5], "sigma", {}, "axis sigma (no units) is no pressure"),
        ([1.0, 0.85, 0.5], "level", {}, "level has no units and values from 0.5 to 1, which may"),
        ([137.0, 120.0, 90.0], "level", {}, "values from 90 to 137, which may be no pressures"),
        ([137.0, 120.0, 90.0], "level", {"units": "level"}, "(units 'level') is no pressure"),
        ([137.0, 120.0, 90.0], "level", {"units": "furlong"}, "(units 'furlong') is no pressure"),
        (
            HPA,
            "lev",
            {"units": "hPa", "standard_name": "atmosphere_hybrid_sigma_pressure_coordinate"},
            "(standard_name 'atmosphere_hybrid_sigma_pressure_coordinate', units 'hPa')",
        ),
        (HPA, "lev", {"units": "hPa", "formula_terms": "a: b"}, "axis lev (units 'hPa')"),
        (HPA, "height", {}, "axis height (no units) is no pressure"),
        (HPA, "level", {"positive": "up"}, "axis level (no units) is no pressure"),
        (100 * HPA, "level", {"units": "hPa"}, "100000, 85000, 50000 hPa, expected pressures up"),
        ([1000.0, np.nan, 500.0], "level", {"units": "hPa"}, "1000, nan, 500 hPa, expected"),
        ([1000.0, 1000.0, 500.0], "level", {"units": "hPa"}, "neither rise nor fall"),
        (np.array(["low", "mid", "top"], object), "level", {}, "holds 'low, mid, top', expected"),
    ],
)
def test_an_axis_that_does_not_show_to_be_pressure_is_refused(
    tmp_path, values, name, attributes, words
):
    path = write(on_levels(values, name, **attributes), tmp_path / "a.nc")
    with pytest.raises(Refusal) as caught:
        scan(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert words in message
    assert "\n" not in message


def test_a_temperature_at_two_metres_beside_the_levels_does_no_harm(tmp_path):
    data = dataset()
    data.t.attrs["standard_name"] = "air_temperature"
    lowest = data.t.isel(level=0, drop=True).expand_dims(height=[2.0])
    data["a2m"] = lowest.assign_attrs(data.t.attrs)
    data["height"].attrs.update(units="m", positive="up")
    assert scan(write(data, tmp_path / "a.nc")).variables["temperature"].name == "t"


def test_winds_on_levels_of_their_own_are_taken_by_pressure(tmp_path):
    data = dataset()
    data["u"] = data.u.rename(level="level2").isel(level2=[2, 1, 0])
    data["level2"].attrs["units"] = "hPa"
    file = scan(write(data, tmp_path / "a.nc"))
    np.testing.assert_array_equal(file.read("u", file.states[1], LEVELS), dataset().u.values[1])
    short = dataset()
    short["u"] = short.u.rename(level="level2").isel(level2=[1, 2])
    short["level2"].attrs["units"] = "hPa"
    file = scan(write(short, tmp_path / "b.nc"))
    with pytest.raises(Refusal, match="no level 1000 hPa of u, found 850, 500"):
        file.read("u", file.states[0], LEVELS)
