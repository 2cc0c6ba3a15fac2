from pathlib import Path

import numpy as np
import pytest

from mindcast.evaluation.nowcast.baselines import persistence
from mindcast.evaluation.nowcast.probability_matched import probability_matched_mean
from mindcast.evaluation.nowcast.suite import NowcastSuite

EVENTS = (
    Path(__file__).parents[4]
    / "shared/data/sevir_lr_like/data/vil/2020/LIKE_VIL_BOM_2020_1031_1031.h5"
)


def suite(*methods):
    return NowcastSuite(methods, (16, 74), 255, (1, 4), (10, 20, 30))


def draw(members=3, cases=2, seed=0):
    rng = np.random.default_rng(seed)
    ensemble = rng.random((cases, members, 3, 16, 16, 1), np.float32)
    return ensemble, rng.random((cases, 3, 16, 16, 1), np.float32)


def test_persistence_repeats_the_last_frame():
    context = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 2, 2, 1)
    forecast = persistence(context, 5)
    assert forecast.shape == (2, 5, 2, 2, 1)
    for k in range(5):
        np.testing.assert_array_equal(forecast[:, k], context[:, -1])


def test_an_ensemble_has_a_row_for_each_single_field_that_is_made_of_it():
    ensemble, truth = draw()
    scores = suite("ours", "alone")
    scores.update("ours", ensemble, truth)
    scores.update("alone", ensemble[:, 0], truth)
    rows = scores.result()["rows"]
    assert list(rows) == [
        "ours (mean of 3)",
        "ours (probability-matched mean of 3)",
        "ours (member 0)",
        "alone",
    ]
    mean, matched, member, alone = rows.values()
    assert (mean["method"], mean["field"], mean["members"]) == ("ours", "ensemble mean", 3)
    error = np.abs(ensemble.mean(axis=1) - truth).mean()
    assert mean["scores"]["mae"]["overall"] == pytest.approx(error, rel=1e-5)
    assert (matched["method"], matched["field"]) == ("ours", "probability-matched mean")
    error = np.abs(probability_matched_mean(ensemble) - truth).mean()
    assert matched["scores"]["mae"]["overall"] == pytest.approx(error, rel=1e-5)
    assert matched["scores"]["crps"]["overall"] == matched["scores"]["mae"]["overall"]
    assert str(member["scores"]) == str(alone["scores"])  # as text, where NaN equals NaN
    assert np.shape(mean["ranks"]["per_lead"]) == (3, 4)
    assert [diagram["threshold"] for diagram in mean["reliability"]] == [16, 74]
    assert matched["ranks"] is member["ranks"] is member["reliability"] is None
    assert alone["scores"]["crps"]["overall"] == alone["scores"]["mae"]["overall"]
    assert mean["scores"]["crps"]["overall"] < member["scores"]["crps"]["overall"]


def test_an_ensemble_of_one_is_scored_as_its_member_and_stays_an_ensemble():
    ensemble, truth = draw(members=1)
    scores = suite("ours", "alone")
    scores.update("ours", ensemble, truth)
    scores.update("alone", ensemble[:, 0], truth)
    rows = scores.result()["rows"]
    assert list(rows) == ["ours", "alone"]
    assert [row["field"] for row in rows.values()] == ["only member", "forecast"]
    assert str(rows["ours"]["scores"]) == str(rows["alone"]["scores"])  # NaN equals NaN
    assert len(rows["ours"]["ranks"]["overall"]) == 2  # above and below the member
    assert rows["alone"]["ranks"] is rows["alone"]["reliability"] is None
    assert np.isnan(rows["ours"]["scores"]["spread"]["overall"])


def test_batches_add_up_to_the_whole():
    ensemble, truth = draw(cases=5)
    whole, parts = suite("ours"), suite("ours")
    whole.update("ours", ensemble, truth)
    for batch in (slice(0, 3), slice(3, 5)):
        parts.update("ours", ensemble[batch], truth[batch])
    for name, row in whole.result()["rows"].items():
        other = parts.result()["rows"][name]
        assert other["cases"] == row["cases"] == 5
        for key, entry in row["scores"].items():
            assert other["scores"][key]["overall"] == pytest.approx(
                entry["overall"], rel=1e-9, nan_ok=True
            )


def test_every_code_reaches_the_threshold_that_equals_it():
    codes = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16, 1)
    scores = NowcastSuite(("ours",), range(256), 255, (1,), (10,), scales=(1,))
    scores.update("ours", np.repeat(codes[:, None] / 255, 8, axis=1), codes / 255)
    for row in scores.result()["rows"].values():
        for threshold in range(256):
            assert row["scores"][f"hits_{threshold}"]["overall"] == 256 - threshold


def test_methods_without_a_case_are_absent():
    assert suite("ours").result()["rows"] == {}


def test_unknown_method_and_changing_members_are_named():
    ensemble, truth = draw()
    scores = suite("ours")
    with pytest.raises(ValueError, match="got method 'hours', expected one of ours"):
        scores.update("hours", ensemble, truth)
    scores.update("ours", ensemble, truth)
    with pytest.raises(ValueError, match="ours: got 2 members, before 3"):
        scores.update("ours", ensemble[:, :2], truth)


@pytest.mark.skipif(not EVENTS.exists(), reason="the real radar sequences are not here")
def test_persistence_on_real_radar_scores_what_was_measured_for_it():
    import h5py

    with h5py.File(EVENTS) as file:
        events = np.moveaxis(file["vil"][6:12], -1, 1)[..., None].astype(np.float32) / 255
    minutes = range(10, 70, 10)
    scores = NowcastSuite(("persistence",), (16, 74, 133, 160, 181, 219), 255, (1, 4, 16), minutes)
    for start in (0, 6, 12):
        context, truth = np.split(events[:, start : start + 13], [7], axis=1)
        scores.update("persistence", persistence(context, 6), truth)
    found = scores.result()["rows"]["persistence"]["scores"]
    # published beside the data, rounded
    expected = {
        "csi": 0.272,
        "csi_16": 0.577,
        "csi_181": 0.041,
        "csi_pool4": 0.316,
        "csi_pool16": 0.477,
        "mae_physical": 19.29,
        "crps_physical": 19.29,
        "mse": 0.0281,
    }
    for name, value in expected.items():
        assert found[name]["overall"] == pytest.approx(value, abs=0.006 if value > 1 else 0.0006)
    assert found["csi"]["per_lead"] == pytest.approx(
        (0.448, 0.316, 0.269, 0.237, 0.207, 0.180), abs=0.0006
    )
