import numpy as np
import pytest

from mindcast.data.temperature import names, units
from mindcast.data.temperature.scan import scan
from mindcast.data.temperature.units import conversion, text
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, Patch, dataset, opened, write

# (our unit, factor, offset): spellings
SPELLINGS = {
    ("K", 1.0, 0.0): "K|k|kelvins|degree_K|degK|deg_K|deg K|[K]|Kelvin",
    ("K", 1.0, 273.15): "C|c|degC|°C|Celsius|celsius|degree_Celsius|degrees_Celsius|degree_C|DEGC"
    "|deg C|degrees Celsius|degrees C",
    # (F - 32) 5/9 + 273.15 = 5/9 F + 255.3722...
    ("K", 5 / 9, 273.15 - 32 * 5 / 9): "degF|degree_F|Fahrenheit|°F",
    ("K", 0.1, 0.0): "0.1 K",
    ("m/s", 1.0, 0.0): "m/s|ms-1|ms**-1|m.s-1|M/S|msec-1|meter/second|m/sec|m s-1|m s**-1|m s^-1"
    "|meters per second|m s^{-1}|m·s⁻¹",
    ("m/s", 1852 / 3600, 0.0): "knots|knot|kt|kts|KT",  # nautical miles of 1852 m an hour
    ("m/s", 1 / 3.6, 0.0): "km/h|km h-1|km hr-1",
    ("Pa", 100.0, 0.0): "hPa|hpa|HPA|mb|MB|mbar|millibar|millibars|100 Pa|1e2 Pa",
    ("Pa", 1.0, 0.0): "Pa|PA|pa|pascals",
    ("Pa", 1000.0, 0.0): "kPa",
    ("Pa/s", 1.0, 0.0): "Pa/s|Pas-1|pas-1|Pa s-1|Pa s**-1|pa s-1",
    ("Pa/s", 100.0, 0.0): "hPa/s|mb/s|hPas-1|hPa s-1",
    ("Pa/s", 100 / 3600, 0.0): "hPa/h|mbar/hour",
    ("m", 1.0, 0.0): "m|gpm|meters|metre|gp m|geopotential meters",
    ("m", 10.0, 0.0): "dam|gpdm|gpdam|dagpm",
    ("m2/s2", 1.0, 0.0): "m2/s2|m2s-2|J/kg|jkg-1|m^2/s^2|m²/s²|m**2 s**-2|m+2 s-2|m2 s-2|J kg-1",
    ("1", 1.0, 0.0): "1|0-1|(0-1)|proportion|fraction|dimensionless|unitless|(0 - 1)|0 to 1",
    ("1", 0.01, 0.0): "%|percent",
    ("s", 1e-9, 0.0): "ns|nanoseconds",
    ("s", 1e-3, 0.0): "ms|milliseconds",
    ("s", 3600.0, 0.0): "h|hr|hours|H",
    ("s", 60.0, 0.0): "min|minutes|MINUTES",
}


@pytest.mark.parametrize(
    ("unit", "ours", "factor", "offset"),
    [(unit, *wanted) for wanted, spellings in SPELLINGS.items() for unit in spellings.split("|")],
)
def test_a_unit_is_read_however_it_is_spelt(unit, ours, factor, offset):
    assert conversion(unit, ours) == pytest.approx((factor, offset), rel=1e-9)


def test_our_own_units_change_no_bit():
    for unit, ours in (("K", "K"), ("m s-1", "m/s"), ("Pa s-1", "Pa/s"), ("gpm", "m"), ("1", "1")):
        assert conversion(unit, ours) == (1.0, 0.0)
    assert conversion("degC", "K") == (1.0, 273.15)


@pytest.mark.parametrize("unit", ["furlongs per", "?", "(", "10 degC", "x" * 100, "K @ 273.15"])
def test_an_unknown_unit_gets_no_default(unit):
    with pytest.raises(ValueError, match=r".+"):
        conversion(unit, "K")


@pytest.mark.parametrize(
    ("unit", "ours"), [("m", "K"), ("ms", "m/s"), ("K", "Pa"), ("degree", "K")]
)
def test_a_unit_of_another_dimension_is_none(unit, ours):
    assert conversion(unit, ours) is None


@pytest.mark.parametrize("value", ["1", 1, np.int64(1), b"1", np.array([1]), np.bytes_(b"1 ")])
def test_an_attribute_of_any_type_is_text(value):
    assert text(value) == "1"


@pytest.mark.parametrize("unit", [1, np.array([1], "i2"), b"1"])
def test_a_mask_whose_unit_is_a_number_is_read(tmp_path, unit):
    data = dataset().assign(lsm=(("lat", "lon"), np.ones((16, 24)), {"units": unit}))
    assert "land_sea_mask" in scan(write(data, tmp_path / "a.nc")).variables


@pytest.mark.parametrize(
    ("quantity", "name", "unit", "to_file"),
    [
        ("temperature", "t", "degF", lambda t: (t - 273.15) * 9 / 5 + 32),
        ("u", "u", "knots", lambda u: u * 3600 / 1852),
        ("omega", "w", "hPa h-1", lambda w: w * 36),
        ("height", "gh", "m+2 s-2", lambda z: z * 9.80665),
        ("height", "gh", "dam", lambda z: z / 10),
    ],
)
def test_values_in_other_units_are_read_to_rounding(tmp_path, quantity, name, unit, to_file):
    data = dataset()
    values = to_file(data[name].astype("f8"))
    data = data.assign({name: values.assign_attrs(units=unit)})
    file = scan(write(data, tmp_path / "a.nc"))
    got = file.read(quantity, file.states[1], LEVELS)
    np.testing.assert_allclose(got, dataset()[name].values[1], rtol=1e-9)


def refusal(root, data, patch=None):
    write(data, root / "a.nc")
    with pytest.raises(Refusal) as caught:
        list(opened(root, "train", patch or Patch(frame=None)))
    message = str(caught.value)
    assert "\n" not in message
    return message


def bare(name):
    data = dataset()
    del data[name].attrs["units"]
    return data


def test_without_units_a_value_is_what_the_archive_means_if_it_can_be(tmp_path):
    data = bare("t")
    file = scan(write(data, tmp_path / "a.nc"))
    np.testing.assert_array_equal(
        file.read("temperature", file.states[0], LEVELS), data.t.values[0]
    )
    data["t"] = data.t - 273.15
    assert "a.nc: t from -24.9473 to 16.5103 K, expected 100 to 400" in refusal(tmp_path, data)


def test_a_vertical_wind_without_units_is_refused(tmp_path):
    expected = "a.nc: w has no units, expected a unit of pressure by time, such as Pa s-1"
    assert expected in refusal(tmp_path, bare("w"))


def test_a_field_z_at_the_ground_without_units_is_refused(tmp_path):
    data = dataset().assign(z=(("lat", "lon"), np.full((16, 24), 500.0)))
    assert "a.nc: z has no units, expected a unit of height" in refusal(tmp_path, data)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("u", lambda x: x.where(x < 12, 9.96921e36), "u from 7.09286 to 9.96921e+36 m/s"),
        ("v", lambda x: x * 1000, "m/s, expected -300 to 300"),
        ("w", lambda x: x * 1e5, "Pa/s, expected -1000 to 1000"),
        ("t", lambda x: x.where(x < 288, -9999), "give its fill value in the attribute _FillValue"),
    ],
)
def test_values_that_cannot_be_are_refused_for_every_quantity(tmp_path, name, change, words):
    data = dataset()
    data[name] = change(data[name]).assign_attrs(data[name].attrs)
    message = refusal(tmp_path, data)
    assert f"a.nc: {name} from " in message
    assert words in message


def test_geopotential_that_is_labelled_as_height_is_refused(tmp_path):
    data = dataset()
    data["gh"] = (data.gh * 9.80665).assign_attrs(units="m")
    message = refusal(tmp_path, data, Patch(frame=None, prior_source="geostrophic"))
    assert "gh at 850 hPa from " in message  # 1500 m there, so 14710 m2 s-2
    assert "m, expected -224.965 to 2825.06" in message


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("orog", -99999.0, "orog from -99999 to -99999 m, expected -12000 to 10000"),
        ("orog", np.inf, "orog from inf to inf m"),
        ("lsm", 100.0, "lsm from 100 to 100, expected -0.01 to 1.01"),
    ],
)
def test_the_ground_is_checked_too(tmp_path, name, value, words):
    attributes = {"units": "m" if name == "orog" else "1"}
    data = dataset().assign({name: (("lat", "lon"), np.full((16, 24), value), attributes)})
    assert words in refusal(tmp_path, data)


def test_every_quantity_has_a_unit_that_measures_something():
    for quantity in names.QUANTITIES.values():
        assert conversion(quantity.unit, quantity.unit) == (1.0, 0.0)
        assert quantity.bounds[0] < quantity.bounds[1]


@pytest.mark.parametrize(
    "ours", ["K", "m", "m2/s2", "m/s", "kg/m2", "kg/m2/s", "Pa", "Pa/s", "s", "1"]
)
@pytest.mark.parametrize("spelling", list(units.COMMON))
def test_the_commonest_units_are_what_the_registry_makes_of_them(spelling, ours, monkeypatch):
    known = conversion.__wrapped__(spelling, ours)
    monkeypatch.setattr(units, "COMMON", {})
    assert conversion.__wrapped__(spelling, ours) == known
