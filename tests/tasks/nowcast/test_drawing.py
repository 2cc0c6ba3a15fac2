import numpy as np

from mindcast.tasks.nowcast.drawing import MEMBERS, draw_file
from tests.output.nowcasts import REFERENCE, SHAPE, THRESHOLDS, TIMES, members, write


def drawn(path, folder, monkeypatch):
    """What is handed to the drawing, which is left out."""
    found = []
    monkeypatch.setattr(
        "mindcast.visualization.nowcast.forecast.draw_forecast",
        lambda folder, forecast, stem: found.append((folder, forecast, stem)) or iter(()),
    )
    context = np.zeros((2, *SHAPE), np.float32)
    assert not list(draw_file(path, folder, context, REFERENCE + np.arange(-1, 1)))
    return found[0]


def test_a_file_is_drawn_by_its_first_members_mean_and_probabilities(tmp_path, monkeypatch):
    path = write(tmp_path / "ours.nc", members(5), provenance={"model": "a", "method": "ours"})
    folder, forecast, stem = drawn(path, tmp_path / "figures", monkeypatch)
    assert (folder.name, stem, forecast.name, forecast.count) == ("figures", "ours", "ours", 5)
    np.testing.assert_array_equal(forecast.members, members(5)[:MEMBERS])
    np.testing.assert_allclose(forecast.mean, members(5).mean(axis=0), rtol=1e-6)
    assert tuple(forecast.probabilities) == THRESHOLDS
    np.testing.assert_array_equal(forecast.times, TIMES)
    assert forecast.grid.shape == SHAPE
    assert list(forecast.minutes(forecast.context_times)) == [-1, 0]


def test_a_forecast_without_members_is_drawn_as_it_is(tmp_path, monkeypatch):
    path = write(tmp_path / "ours.nc", members(1), members=None)
    _, forecast, _ = drawn(path, tmp_path, monkeypatch)
    assert (forecast.count, forecast.mean, forecast.probabilities) == (None, None, {})
    np.testing.assert_array_equal(forecast.members, members(1))
