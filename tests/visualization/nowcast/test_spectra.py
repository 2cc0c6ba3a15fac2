import numpy as np
import pytest
from matplotlib.figure import Figure

from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.visualization.nowcast.neighbourhoods import fss_curves
from mindcast.visualization.nowcast.spectra import spectrum_curves
from tests.visualization.drawing import colours_in

METHOD, BLACK = (0, 114, 178), (0, 0, 0)
PICTURES = (spectrum_curves, fss_curves)


def result(truth=None, leads=5, side=16, scales=(1, 3, 9)):
    rng = np.random.default_rng(0)
    minutes = range(10, 10 * leads + 1, 10)
    suite = NowcastSuite(("persistence", "ours"), (16, 74), 255, (1,), minutes, "VIL", scales)
    drawn = rng.random((2, leads, side, side, 1), np.float32)
    truth = drawn if truth is None else truth * drawn
    suite.update("persistence", truth / 2, truth)
    suite.update("ours", rng.random((2, 3, *truth.shape[1:]), np.float32) * truth[:, None], truth)
    return suite.result()


def drawn(monkeypatch):
    """The axes of every figure that is saved."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: figures.append(figure))
    monkeypatch.setattr("os.replace", lambda *_: None)
    return figures


@pytest.mark.parametrize("picture", PICTURES)
def test_every_row_is_drawn_beside_the_truth_or_what_is_of_use(tmp_path, picture):
    picture(tmp_path / "a.png", result(), ("persistence",))
    assert {METHOD, BLACK} <= colours_in(tmp_path / "a.png")


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("factor", [0, np.nan], ids=["dry", "missing"])
def test_undefined_scores_leave_a_gap_and_no_failure(tmp_path, picture, factor):
    picture(tmp_path / "a.png", result(np.float32(factor)), ("persistence",))
    assert (tmp_path / "a.png").is_file()


def test_half_the_amplitude_is_drawn_at_a_quarter_of_the_power(tmp_path, monkeypatch):
    figures = drawn(monkeypatch)
    spectrum_curves(tmp_path / "a.png", result(), ("persistence",))
    panels = figures[0].axes
    titles = ["all lead times", "+10 min", "+30 min", "+50 min"]
    assert [axes.get_title() for axes in panels[:4]] == titles
    for share in panels[4:]:
        np.testing.assert_allclose(share.lines[0].get_ydata(), 0.25, rtol=1e-4)
        assert share.get_xlim()[0] > share.get_xlim()[1]  # fine waves at the right
        assert share.get_ylim()[0] <= 0.25


def test_fractions_are_drawn_by_scale_and_at_the_middle_one_by_lead_time(tmp_path, monkeypatch):
    figures, of = drawn(monkeypatch), result()
    assert fss_curves(tmp_path / "a.png", of, ("persistence",))
    by_scale, _, by_lead, _ = figures[0].axes
    scores = of["rows"]["persistence"]["scores"]
    expected = [scores[f"fss_16_scale{scale}"]["overall"] for scale in (1, 3, 9)]
    np.testing.assert_allclose(by_scale.lines[0].get_ydata(), expected)
    assert by_scale.lines[-1].get_ydata()[0] == scores["fss_useful_16"]["overall"]
    np.testing.assert_allclose(by_lead.lines[0].get_ydata(), scores["fss_16_scale3"]["per_lead"])


def test_without_a_scale_nothing_is_drawn(tmp_path):
    assert not fss_curves(tmp_path / "a.png", result(scales=()), ())
    assert not list(tmp_path.iterdir())
