import numpy as np
import pytest

from mindcast.samples import NowcastInput, Sample
from tests.cases import make_downscale, make_nowcast


@pytest.mark.parametrize("case", [make_nowcast(), make_downscale()], ids=["nowcast", "downscale"])
def test_an_axis_of_members_makes_the_ensemble_not_their_number(case):
    truth = case.truth
    case.forecasts = {"field": truth, "one": truth[None], "several": np.stack([truth] * 3)}
    np.testing.assert_array_equal(case.members("field"), truth[None])
    assert case.members("several") is case.forecasts["several"]
    assert [case.is_ensemble(name) for name in case.forecasts] == [False, True, True]
    assert case.first(("field", "one", "several"), ensemble=True) == "one"
    assert case.first(("several", "one", "field"), ensemble=False) == "field"
    assert case.first(("field",), ensemble=True) is None
    assert case.first(("one", "several"), ensemble=False) is None


def test_the_shape_is_known_without_a_truth():
    case = make_nowcast(frames=6, side=12)
    case.sample = Sample(case.sample.input)
    assert case.shape == (6, 12, 12, 1)
    assert make_downscale().shape == (4, 8, 12, 1)
    with pytest.raises(ValueError, match="this sample has no truth"):
        _ = make_downscale(truth=None).truth


@pytest.mark.parametrize("forecast", [(5, 12, 12, 1), (3, 6, 12, 11, 1), (0, 6, 12, 12, 1)])
def test_a_forecast_of_another_shape_is_named(forecast):
    case = make_nowcast(frames=6, side=12)
    case.forecasts["ours"] = np.zeros(forecast)
    with pytest.raises(ValueError, match=r"got ours .* expected \(6, 12, 12, 1\) or members"):
        case.members("ours")


def test_a_truth_that_does_not_fit_is_named():
    case = make_nowcast(frames=6, side=12)
    sample = Sample(NowcastInput(case.context), case.truth[:-1])
    with pytest.raises(ValueError, match=r"got truth \(5, 12, 12, 1\), expected \(6, 12"):
        type(case)("event", sample, case.times, 255.0, "VIL")
    with pytest.raises(ValueError, match=r"got truth \(4, 8, 12, 1\), expected \(3, 8, 12, 1\)"):
        make_downscale(levels_hpa=(1000.0, 850.0, 500.0))
