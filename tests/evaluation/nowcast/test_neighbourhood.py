import numpy as np
import pytest
import xarray

from mindcast.evaluation.nowcast.neighbourhood import FractionsSkill, shares

SCALES = (1, 3, 4, 33)  # odd, even, and wider than the fields


def scored(ensemble, truth, scales=SCALES, thresholds=(0.5,), scale=1.0):
    score = FractionsSkill(truth.shape[1], thresholds, scale, scales)
    score.update(ensemble, truth)
    return {entry.name: entry for entry in score.result()}


def draw(members=1, cases=2, leads=2, side=20, seed=0):
    rng = np.random.default_rng(seed)
    ensemble = rng.random((cases, members, leads, side, side, 1), np.float32)
    return ensemble, rng.random((cases, leads, side, side, 1), np.float32)


def test_an_event_one_pixel_off_is_found_by_a_neighbourhood_of_three():
    forecast, truth = np.zeros((2, 1, 1, 5, 5, 1), np.float32)
    forecast[0, 0, 2, 1], truth[0, 0, 2, 2] = 1, 1
    found = scored(forecast[:, None], truth, (1, 3))
    # no pixel in common. With 3 x 3, the shares are 1/9 at nine pixels each, six of them common:
    # 1 - (3 + 3) / (9 + 9); one event in 25 pixels
    assert found["fss_0.5_scale1"].overall == 0
    assert found["fss_0.5_scale3"].overall == pytest.approx(2 / 3)
    assert found["fss_useful_0.5"].overall == pytest.approx(0.5 + 1 / 50)


def test_a_probability_of_a_half_where_it_rains_scores_by_hand():
    truth = np.ones((1, 1, 4, 4, 1), np.float32)
    ensemble = np.stack([truth, 0 * truth], axis=1)
    # (1/2)^2 of every pixel over (1/2)^2 + 1
    assert scored(ensemble, truth)["fss_0.5_scale1"].overall == pytest.approx(1 - 0.25 / 1.25)


@pytest.mark.parametrize("scale", SCALES)
def test_fractions_agree_with_pysteps(scale):
    from pysteps.verification import spatialscores

    ensemble, truth = draw()
    found = scored(ensemble, truth)[f"fss_0.5_scale{scale}"]
    for lead in range(2):
        theirs = spatialscores.fss_init(thr=0.5, scale=scale)
        for case in range(2):
            frames = ensemble[case, 0, lead, ..., 0], truth[case, lead, ..., 0]
            spatialscores.fss_accum(theirs, *frames)
        assert found.per_lead[lead] == pytest.approx(spatialscores.fss_compute(theirs))


def test_fractions_agree_with_scores():
    from scores.spatial import fss_2d

    ensemble, truth = draw()
    fields = (
        xarray.DataArray(field[..., 0], dims=("case", "lead", "y", "x"))
        for field in (ensemble[:, 0], truth)
    )
    about = {"window_size": (5, 5), "spatial_dims": ("y", "x"), "zero_padding": True}
    theirs = fss_2d(*fields, event_threshold=0.5, preserve_dims=["lead"], **about)
    # theirs has squares around a row and a column beyond the last; so has ours of wider frames
    around = [(0, 0), (0, 0), (0, 1), (0, 1), (0, 0)]
    wider = np.pad(ensemble[:, 0], around)[:, None], np.pad(truth, around)
    ours = scored(*wider, (5,))["fss_0.5_scale5"]
    assert ours.per_lead == pytest.approx(theirs.values)


def test_an_ensemble_is_scored_by_the_mean_share_of_its_members():
    ensemble, truth = draw(members=3)
    found = scored(ensemble, truth)["fss_0.5_scale3"]
    reached = np.moveaxis(ensemble[..., 0] >= 0.5, 2, -1) * 1.0  # (N, M, H, W, T)
    expected = np.mean([[shares(f, 3) for f in members] for members in reached], axis=1)
    seen = np.stack([shares(f, 3) for f in np.moveaxis(truth[..., 0] >= 0.5, 1, -1) * 1.0])
    squares = (np.square(expected - seen), np.square(expected) + np.square(seen))
    assert found.overall == pytest.approx(1 - squares[0].sum() / squares[1].sum())


def test_the_mean_over_thresholds_is_that_of_each():
    found = scored(*draw(members=3), thresholds=(0.3, 0.6))
    pair = found["fss_0.3_scale3"].overall, found["fss_0.6_scale3"].overall
    assert found["fss_scale3"].overall == pytest.approx(np.mean(pair))


def test_pixels_that_the_truth_or_a_member_lacks_are_events_of_neither():
    ensemble, truth = draw(members=2)
    dry, gaps = (ensemble.copy(), truth.copy()), (ensemble.copy(), truth.copy())
    for (members, field), one, other in ((dry, 0, 0), (gaps, np.nan, np.nan)):
        members[:, 1, :, :4], field[:, :, 15:] = one, other
    dry[0][:, 0, :, :4], dry[0][:, :, :, 15:], dry[1][:, :, :4] = 0, 0, 0
    ours, theirs = scored(*gaps), scored(*dry)
    assert ours["fss_0.5_scale3"].per_lead == theirs["fss_0.5_scale3"].per_lead
    # of the 20 rows 11 are known: their share of events counts, not that of all
    share = (truth[:, :, 4:15] >= 0.5).mean()
    assert ours["fss_useful_0.5"].overall == pytest.approx(0.5 + share / 2)


def test_a_code_that_equals_the_threshold_reaches_it():
    codes = np.full((1, 1, 1, 4, 4, 1), np.float32(74) / 255)
    found = scored(codes, codes[:, 0] * 0, (1,), (74, 75), 255)
    assert found["fss_74_scale1"].overall == 0  # forecast, not observed
    assert np.isnan(found["fss_75_scale1"].overall)


def test_without_any_event_or_pixel_it_is_undefined():
    nothing = np.full((1, 1, 4, 4, 1), np.nan, np.float32)
    for field in (nothing, nothing * 0, np.zeros_like(nothing)):
        assert np.isnan(scored(field[:, None], field)["fss_scale3"].overall)
    assert np.isnan(scored(nothing[:, None], nothing)["fss_useful_0.5"].overall)


@pytest.mark.parametrize("shape", [(12, 9, 5), (30, 31, 1), (4, 4, 70)])
@pytest.mark.parametrize("scale", [1, 3, 9, 27])
def test_shares_are_the_means_around_each_pixel_with_nothing_outside(shape, scale):
    from scipy.ndimage import uniform_filter

    fields = np.random.default_rng(0).integers(0, 9, shape) / 8
    expected = uniform_filter(fields, (scale, scale, 0), mode="constant")
    np.testing.assert_allclose(shares(fields, scale), expected, rtol=0, atol=1e-14)
