import numpy as np
import pytest

from mindcast.evaluation.nowcast.baselines.decibels import (
    LEAST,
    NONE,
    UNITS,
    from_decibels,
    to_decibels,
)
from mindcast.visualization.colours import VALUE_SCALES


def test_every_unit_that_models_are_scored_in_has_its_decibels_and_its_colours():
    # rates of users' files are drawn, and scored as reflectivity
    assert UNITS.keys() == VALUE_SCALES.keys() - {"mm/h"}


def test_reflectivity_is_that_of_marshall_and_palmer():
    # Z = 200 R^1.6: 1 mm/h is 10 log10(200) = 23.0103 dBZ, ten times as much 16 dBZ more
    found = to_decibels(np.array([23.0103, 39.0103]), "dBZ")
    assert found == pytest.approx([0, 10], abs=1e-4)


def test_vil_is_that_of_ten_kilometres_of_rain():
    # code = 83.9 + 38.9 ln(3.44e-6 Z^(4/7) 10000); a table of `sevir_lr_like` has 5.78 mm/h at 133
    # and 64.9 mm/h at 219
    found = 10 ** (to_decibels(np.array([133.0, 219.0]), "VIL") / 10)
    assert found == pytest.approx([5.78, 64.9], rel=0.002)


@pytest.mark.parametrize("unit", UNITS)
def test_what_rains_comes_back_and_what_does_not_is_none(unit):
    # 0.1 mm/h is 10 log10(200) - 16 = 7.01 dBZ, which no code of VIL is below
    least = {"dBZ": 7.02, "VIL": 0.5}[unit]
    values = np.linspace(least, 80, 50)
    np.testing.assert_allclose(from_decibels(to_decibels(values, unit), unit), values, rtol=1e-12)
    below = np.array([0.0, {"dBZ": 7.0, "VIL": 0.0}[unit]])
    assert to_decibels(below, unit).tolist() == [NONE, NONE]
    assert not from_decibels(np.array([NONE, LEAST - 0.01, np.nan]), unit).any()
