import pytest

from mindcast.data.forecasts.kind import task_of
from mindcast.refusal import Refusal
from tests.data.forecasts.files import frames, write_forecast
from tests.data.temperature.files import dataset, write


def test_a_file_tells_its_task_by_what_it_holds(tmp_path):
    assert task_of(write(dataset(), tmp_path / "t.nc")) == "downscale"
    assert task_of(write_forecast(tmp_path / "r.nc", frames(2))) == "nowcast"


def test_what_is_no_netcdf_is_refused(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("not at all")
    with pytest.raises(Refusal, match=r"a\.nc: is "):
        task_of(path)
