import json

import numpy as np
import pytest

from mindcast.evaluation.downscale.baselines import BASELINES, interpolated
from mindcast.evaluation.downscale.suite import DownscaleSuite
from tests.evaluation.downscale.fields import LEVELS, draw, target_of


def test_an_ensemble_has_a_row_for_its_mean_and_one_for_a_sample():
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours", "alone"), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    suite.update("alone", ensemble[:, 0, ..., None], target_of(truth))
    rows = suite.result()["rows"]
    assert list(rows) == ["ours (mean of 5)", "ours (member 0)", "alone"]
    mean, member, alone = rows.values()
    assert (mean["method"], mean["field"], mean["members"]) == ("ours", "ensemble mean", 5)
    error = np.sqrt(np.square(ensemble.mean(axis=1) - truth).mean())
    assert mean["scores"]["rmse"]["overall"] == pytest.approx(error)
    assert str(member["scores"]) == str(alone["scores"])  # as text, where NaN equals NaN
    assert alone["scores"]["crps"]["overall"] == alone["scores"]["mae"]["overall"]
    assert np.shape(mean["ranks"]) == (3, 6)
    assert member["ranks"] is None


def test_an_ensemble_of_one_is_scored_as_its_member_and_stays_an_ensemble():
    ensemble, truth = draw(members=1)
    suite = DownscaleSuite(("ours", "alone"), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    suite.update("alone", ensemble[:, 0, ..., None], target_of(truth))
    rows = suite.result()["rows"]
    assert list(rows) == ["ours", "alone"]
    ours, alone = rows.values()
    assert (ours["field"], alone["field"]) == ("only member", "forecast")
    assert str(ours["scores"]) == str(alone["scores"])  # as text, where NaN equals NaN
    assert np.isnan(ours["scores"]["spread"]["overall"])
    assert np.isnan(ours["scores"]["spread_skill"]["overall"])
    # two ranks, below and above the member; a field that is no draw has none
    above = (truth > ensemble[:, 0]).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(ours["ranks"], np.stack([1 - above, above], axis=1))
    assert alone["ranks"] is None


def test_a_method_is_an_ensemble_in_all_cases_or_in_none():
    ensemble, truth = draw(members=1)
    suite = DownscaleSuite(("ours",), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    with pytest.raises(ValueError, match="ours: got single fields and ensembles of one"):
        suite.update("ours", ensemble[:, 0, ..., None], target_of(truth))


@pytest.mark.parametrize("size", [(15, 23), (17, 16), (13, 9)])
def test_every_point_of_a_domain_of_any_size_counts(size):
    rng = np.random.default_rng(0)
    truth = 270 + 5 * rng.standard_normal((1, 3, *size))
    target = target_of(truth)
    suite = DownscaleSuite((*BASELINES, "ours"), LEVELS)
    for method in BASELINES:
        suite.update(method, interpolated(method, target), target)
    error = np.zeros(truth.shape)
    error[..., -1, -1] = 6.0  # the last point, which no whole cell of 4 holds
    suite.update("ours", (truth + error)[..., None], target)
    rows = suite.result()["rows"]
    rmse = 6 / np.sqrt(size[0] * size[1])
    assert rows["ours"]["scores"]["rmse"]["overall"] == pytest.approx(rmse)
    # of the last block it is one point in the rest of the rows and columns
    blocks = [-(-side // 4) for side in size]
    points = [side % 4 or 4 for side in size]
    block = 6 / np.prod(points) / np.sqrt(np.prod(blocks))
    assert rows["ours"]["scores"]["block_mean_rmse"]["overall"] == pytest.approx(block)
    kept = rows["bicubic-conservative"]["scores"]["block_mean_rmse"]["overall"]
    assert kept == pytest.approx(0, abs=1e-10)
    for row in rows.values():
        for name in ("gradient_mae", "thickness_rmse", "fine_power", "correlation"):
            assert np.isfinite(row["scores"][name]["overall"])


def test_skill_is_one_for_the_truth_and_zero_for_the_reference():
    ensemble, truth = draw()
    suite = DownscaleSuite(("bicubic", "perfect", "half"), LEVELS)
    base = ensemble[:, 0]
    for method, field in (("bicubic", base), ("perfect", truth), ("half", (base + truth) / 2)):
        suite.update(method, field[..., None], target_of(truth))
    rows = suite.result()["rows"]
    for method, skill in (("bicubic", 0), ("perfect", 1), ("half", 0.5)):
        entry = rows[method]["scores"]["skill"]
        assert entry["overall"] == pytest.approx(skill)
        assert entry["values"] == pytest.approx([skill] * 3)


def test_skill_without_the_reference_is_undefined():
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours",), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    assert np.isnan(suite.result()["rows"]["ours (mean of 5)"]["scores"]["skill"]["overall"])


def test_batches_add_up_to_the_whole():
    ensemble, truth = draw(cases=5)
    area = np.broadcast_to(np.cos(np.linspace(0, 1.2, 16))[:, None], (16, 16))
    weight = (np.random.default_rng(3).random((*truth.shape, 1)) > 0.2).astype(np.float32)
    results = []
    for batches in ([slice(0, 5)], [slice(0, 3), slice(3, 5)]):
        suite = DownscaleSuite(("ours",), LEVELS)
        for part in batches:
            target = target_of(truth[part], weight=weight[part], area=area)
            suite.update("ours", ensemble[part][..., None], target)
        results.append(suite.result()["rows"]["ours (mean of 5)"])
    whole, parts = results
    for name, entry in whole["scores"].items():
        np.testing.assert_allclose(parts["scores"][name]["overall"], entry["overall"], err_msg=name)
        np.testing.assert_allclose(parts["scores"][name]["values"], entry["values"], err_msg=name)
    np.testing.assert_allclose(parts["ranks"], whole["ranks"])
    np.testing.assert_allclose(parts["spectrum"]["power"], whole["spectrum"]["power"])


def test_result_is_json_and_names_what_its_values_belong_to():
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours", "never made"), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    result = suite.result()
    assert json.loads(json.dumps(result))["levels_hpa"] == list(LEVELS)
    assert result["axes"] == {"level": ["1000", "850", "500"], "layer": ["1000-850", "850-500"]}
    for row in result["rows"].values():
        for entry in row["scores"].values():
            assert len(entry["values"]) == len(result["axes"][entry["axis"]])


def test_memory_of_a_row_does_not_depend_on_the_cases():
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours",), LEVELS)

    def numbers():
        kept = [vars(score) for row in suite.rows["ours"] for score in row.of_field]
        arrays = [
            value
            for score in kept
            for part in score.values()
            for value in (part, *getattr(part, "__dict__", {}).values())
        ]
        return sum(value.size for value in arrays if isinstance(value, np.ndarray))

    suite.update("ours", ensemble[..., None], target_of(truth))
    before = numbers()
    suite.update("ours", ensemble[..., None], target_of(truth))
    assert before == numbers() > 0


@pytest.mark.parametrize(
    ("method", "cut", "message"),
    [
        ("theirs", slice(None), "got method 'theirs', expected one of ours"),
        ("ours", slice(0, 2), "expected .* with 3 levels"),
    ],
)
def test_what_does_not_fit_is_named(method, cut, message):
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours",), LEVELS)
    with pytest.raises(ValueError, match=message):
        suite.update(method, ensemble[:, :, cut, ..., None], target_of(truth))


def test_another_number_of_members_is_refused():
    ensemble, truth = draw()
    suite = DownscaleSuite(("ours",), LEVELS)
    suite.update("ours", ensemble[..., None], target_of(truth))
    with pytest.raises(ValueError, match="ours: got 4 members, before 5"):
        suite.update("ours", ensemble[:, :4, ..., None], target_of(truth))


def test_levels_that_rise_are_refused():
    with pytest.raises(ValueError, match="falling"):
        DownscaleSuite(("ours",), (500, 850, 1000))
