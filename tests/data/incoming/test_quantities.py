import numpy as np
import pytest

from mindcast.config.incoming import Conversion, PowerLawSettings
from mindcast.data.incoming.quantities import check_values, physical, rain_rate, without_flags
from mindcast.physics.reflectivity import PowerLaw, code_of_dbz, dbz_of_code
from mindcast.refusal import Refusal

HOW = Conversion()


def test_one_mm_per_hour_is_23_dbz():
    # 10 log10 200 = 23.01
    np.testing.assert_allclose(PowerLaw().dbz(np.array([1.0, 10, 0])), [23.0103, 39.0103, -np.inf])
    np.testing.assert_allclose(PowerLaw().rain(np.array([23.0103, -np.inf])), [1, 0], rtol=1e-5)


def test_codes_are_those_of_the_table_beside_the_data():
    # sevir_lr_like/README.md: thresholds in codes and mm/h
    rain = np.array([0.22, 1.10, 5.78, 12.4, 22.3, 64.9])
    codes = physical(rain, "mm/h", "VIL", HOW)
    np.testing.assert_allclose(codes, [16, 74, 133, 160, 181, 219], atol=1)


def test_codes_end_at_254_and_no_rain_is_0():
    np.testing.assert_array_equal(code_of_dbz(np.array([90.0, -np.inf])), [254, 0])
    assert dbz_of_code(np.array([0.0]))[0] == -np.inf


@pytest.mark.parametrize("unit", ["dBZ", "mm/h", "VIL"])
def test_a_value_of_any_unit_becomes_rain_and_reflectivity_that_agree(unit):
    values = np.array([20.0, 40.0, np.nan])
    dbz = physical(values, unit, "dBZ", HOW)
    np.testing.assert_allclose(PowerLaw().rain(dbz), rain_rate(values, unit, HOW), rtol=1e-9)


def test_another_power_law_is_used_where_it_is_set():
    how = Conversion(zr=PowerLawSettings(a=316, b=1.5))
    np.testing.assert_allclose(physical(np.array([1.0]), "mm/h", "dBZ", how), 24.9969, rtol=1e-5)


def test_what_is_weaker_than_the_lower_cut_is_0():
    values = np.array([4.9, 5.0, -32.0])
    np.testing.assert_array_equal(physical(values, "dBZ", "dBZ", HOW), [0, 5, 0])
    open_end = Conversion(lower_dbz=None)
    np.testing.assert_array_equal(physical(values, "dBZ", "dBZ", open_end), [4.9, 5, 0])


def test_codes_for_a_model_of_codes_stay_as_they_are():
    values = np.array([0.0, 3, 254, np.nan])
    np.testing.assert_array_equal(physical(values, "VIL", "VIL", HOW), values)


def test_missing_stays_missing():
    assert np.isnan(physical(np.array([np.nan]), "mm/h", "VIL", HOW)).all()


@pytest.mark.parametrize(("value", "unit"), [(101.0, "dBZ"), (1001.0, "mm/h"), (256.0, "VIL")])
def test_values_that_cannot_be_of_a_unit_are_refused(value, unit):
    with pytest.raises(Refusal, match=f"a: holds values from .* which are no {unit}"):
        check_values(np.array([1.0, value, np.nan]), unit, "a")


def test_infinity_is_refused():
    with pytest.raises(Refusal, match="inf"):
        check_values(np.array([np.inf]), "mm/h", "a")


@pytest.mark.parametrize(("flag", "unit"), [(-0.6, "mm/h"), (-9999.0, "mm/h"), (-999.0, "dBZ")])
def test_a_flag_below_all_values_is_missing_and_said(flag, unit):
    values, notes = without_flags(np.array([flag, 2, flag]), unit)
    np.testing.assert_array_equal(values, [np.nan, 2, np.nan])
    assert "is taken for missing" in notes[0]


def test_many_negative_rates_are_no_flags():
    values, notes = without_flags(np.array([-4.0, -3, -2, -1, 5]), "mm/h")
    assert notes == ()
    with pytest.raises(Refusal, match="which are no mm/h"):
        check_values(values, "mm/h", "a")


def test_a_rounding_below_0_is_no_rain():
    values, notes = without_flags(np.array([-1e-7, 2]), "mm/h")
    assert notes == ()
    assert check_values(values, "mm/h", "a")[0] == 0
