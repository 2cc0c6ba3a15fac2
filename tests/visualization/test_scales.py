import numpy as np

from mindcast.visualization.scales import error_scale, temperature_scale


def test_scales_centre_errors_on_zero_and_span_the_truth():
    error = error_scale([np.array([-3.0, 1.0]), np.array([2.0, np.nan])])
    assert error.limits[0] == -error.limits[1]
    assert 2.9 < error.limits[1] <= 3
    low, high = temperature_scale(np.array([250.0, np.nan, 270.0])).limits
    assert 250 <= low < 251
    assert 269 < high <= 270
    low, high = temperature_scale(np.full(3, np.nan)).limits
    assert low < high
