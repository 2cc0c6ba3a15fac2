import numpy as np
import pytest

from mindcast.evaluation.downscale.target import Target
from tests.evaluation.downscale.fields import target_of

TRUTH = np.full((2, 3, 8, 8), 270.0)


def test_every_point_counts_alike_by_default():
    target = target_of(TRUTH)
    np.testing.assert_array_equal(target.points, np.ones((2, 3, 8, 8)))
    np.testing.assert_array_equal(target.layers, np.ones((2, 2, 8, 8)))


def test_a_pair_of_levels_counts_only_if_both_are_above_ground():
    weight = np.ones((2, 3, 8, 8, 1))
    weight[0, 0, 1, 2] = 0
    layers = target_of(TRUTH, weight=weight).layers
    assert layers[0, 0, 1, 2] == 0
    assert layers.sum() == layers.size - 1


@pytest.mark.parametrize("batched", [False, True])
def test_area_weighs_points_with_mean_one_in_each_case(batched):
    area = np.broadcast_to(np.cos(np.linspace(0, 1, 8))[:, None], (8, 8))
    area = np.stack([area, 3 * area]) if batched else area
    points = target_of(TRUTH, area=area).points
    np.testing.assert_allclose(points.mean(axis=(2, 3)), 1)
    np.testing.assert_allclose(points[1], points[0])
    np.testing.assert_allclose(points[0, 0, 5, 0] / points[0, 0, 0, 0], np.cos(5 / 7))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": TRUTH}, r"got truth \(2, 3, 8, 8\)"),
        ({"factor": 2}, r"got temperature_lr .* factor 2, expected \(2, 3, 4, 4, 1\)"),
        ({"factor": 3}, r"factor 3, expected \(2, 3, 3, 3, 1\)"),
        ({"weight": np.ones((2, 3, 8, 8))}, "got weight"),
        ({"area": np.ones(8)}, r"got area \(8,\)"),
    ],
)
def test_shapes_that_do_not_belong_together_are_named(change, message):
    given = {"truth": TRUTH[..., None], "temperature_lr": TRUTH[:, :, ::4, ::4, None], "factor": 4}
    with pytest.raises(ValueError, match=message):
        Target(**{**given, **change})
