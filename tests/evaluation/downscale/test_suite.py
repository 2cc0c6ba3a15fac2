import json

import numpy as np
import pytest

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
