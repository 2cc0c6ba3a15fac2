import json

import numpy as np
import pytest
import xarray

from mindcast.config.loader import of_overrides
from mindcast.config.verification import VerificationSettings
from mindcast.refusal import Refusal
from mindcast.tasks import load_verification
from tests.data.temperature.files import dataset, write

TIME, ROWS, COLUMNS = 1, slice(4, 12), slice(6, 18)


def temperature(members=None, error=0.0):
    """The truth's of a part of its area at one time, with errors; members in front."""
    part = dataset()[["t"]].isel(time=[TIME], lat=ROWS, lon=COLUMNS)
    part["t"].attrs["standard_name"] = "air_temperature"
    if members is None:
        return part + error
    rng = np.random.default_rng(0)
    several = [part + error * rng.standard_normal(part["t"].shape) for _ in range(members)]
    found = xarray.concat(several, "number").transpose("time", "number", ...)
    return found.assign_coords(number=("number", np.arange(members), {"units": "1"}))


def forecast(folder, data, name="fine.nc", **attributes):
    data = data.assign_attrs(attributes)
    for array in data.data_vars.values():
        array.attrs["units"] = "K"
    return write(data.astype(np.float32), folder / name)


def scored(folder, *overrides, context=(), names=("fine.nc",)):
    settings = of_overrides(VerificationSettings, overrides)
    write(dataset(), folder / "truth.nc")
    verification = load_verification("downscale")
    paths = [folder / name for name in names]
    scoring = verification(paths, [str(folder / "truth.nc")], context, settings)
    for case in scoring.cases():
        scoring.score(case)
    return scoring, scoring.suite.result()["rows"]


def overall(rows, name, score):
    return rows[name]["scores"][score]["overall"]


def test_a_field_is_scored_on_its_part_of_the_truth_beside_the_interpolations(tmp_path):
    forecast(tmp_path, temperature(error=0.5))
    _, rows = scored(tmp_path, "factor=4")
    assert [*rows] == ["bicubic", "bicubic-conservative", "bilinear", "fine"]
    assert overall(rows, "fine", "rmse") == pytest.approx(0.5, rel=1e-4)
    assert overall(rows, "fine", "bias") == pytest.approx(0.5, rel=1e-4)
    assert overall(rows, "bicubic", "rmse") > 0.5


def test_members_are_scored_as_an_ensemble(tmp_path):
    forecast(tmp_path, temperature(3, error=1.0))
    _, rows = scored(tmp_path, "factor=2")
    assert "fine (mean of 3)" in rows
    assert "fine (member 0)" in rows
    # the mean of three independent errors of 1 K; 288 points on three levels
    assert overall(rows, "fine (mean of 3)", "rmse") == pytest.approx(3**-0.5, rel=0.15)
    assert overall(rows, "fine (member 0)", "rmse") == pytest.approx(1, rel=0.15)


def test_the_deterministic_field_of_a_file_of_ours_has_a_row_beside_the_members(tmp_path):
    data = temperature(3, error=1.0).rename(t="air_temperature")
    data["air_temperature_deterministic"] = temperature(error=0.5)["t"].assign_attrs(units="K")
    forecast(tmp_path, data)
    _, rows = scored(tmp_path, "factor=2")
    assert overall(rows, "deterministic", "rmse") == pytest.approx(0.5, rel=1e-4)
    assert overall(rows, "fine (member 0)", "rmse") == pytest.approx(1, rel=0.15)


def test_a_file_of_ours_states_its_factor(tmp_path):
    about = json.dumps({"settings": {"model": {"factor": 4}}})
    forecast(tmp_path, temperature(), provenance=about)
    scoring, _ = scored(tmp_path)
    assert scoring.factor == 4
    forecast(tmp_path, temperature(), "other.nc")
    with pytest.raises(Refusal, match=r"other\.nc: does not state how many .* set factor=N"):
        scored(tmp_path, names=("other.nc",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": np.array(["2021-01-01"], "M8[ns]")}, r"fine\.nc: is for 2021-01-01.* no common"),
        ({"lat": np.linspace(55.5, 48.5, 8)}, r"truth\.nc: its 16 x 24 points are not those of"),
        ({"level": [1000.0, 850.0, 700.0]}, r"truth\.nc: no level 700 hPa"),
    ],
)
def test_a_truth_that_does_not_fit_is_refused(tmp_path, change, message):
    data = temperature()
    attributes = {name: data[name].attrs for name in change}
    data = data.assign_coords(change)
    for name in change:
        data[name].attrs.update(attributes[name])
    forecast(tmp_path, data)
    with pytest.raises(Refusal, match=message):
        scored(tmp_path, "factor=4")


def test_what_is_of_nowcasts_is_refused(tmp_path):
    forecast(tmp_path, temperature())
    with pytest.raises(Refusal, match="--context: is for nowcasts"):
        scored(tmp_path, "factor=4", context=["a"])
    with pytest.raises(Refusal, match="thresholds: is for nowcasts, not for downscaled temp"):
        scored(tmp_path, "factor=4", "thresholds=[20]")


def test_times_without_a_truth_are_left_out_and_the_report_says_so(tmp_path):
    later = temperature()
    coordinates = later["time"] + np.timedelta64(1, "D")
    forecast(tmp_path, later.assign_coords(time=coordinates), "later.nc")
    forecast(tmp_path, temperature())
    scoring, rows = scored(tmp_path, "factor=4", names=("fine.nc", "later.nc"))
    assert len(scoring) == rows["forecast"]["cases"] == 1
    assert [*scoring.notes] == ["1 of 2 times have no truth"]
