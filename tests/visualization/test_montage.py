import numpy as np

from mindcast.visualization.colours import VIL_RGB
from mindcast.visualization.montage import COLOURS, GAP, SMALLEST_SIDE, TITLE, montage


def test_rows_of_unlike_frames_share_one_sheet():
    sheet = montage([("truth", np.zeros((3, 128, 128))), ("latent", np.ones((2, 8, 8)))], "radar")
    assert sheet.dtype == np.uint8
    assert sheet.shape == (3, 2 * TITLE + 128 + SMALLEST_SIDE + GAP, GAP + 3 * (128 + GAP))
    first = sheet[:, TITLE : TITLE + 128, GAP : GAP + 128]
    assert (first == np.array(VIL_RGB[0])[:, None, None]).all()
    second = sheet[:, 2 * TITLE + 128 :][:, :SMALLEST_SIDE, GAP : GAP + SMALLEST_SIDE]
    assert (second == np.array(VIL_RGB[-1])[:, None, None]).all()


def test_titles_are_written_above_their_rows():
    with_title = montage([("truth", np.zeros((1, 96, 96)))], "radar")
    without = montage([("", np.zeros((1, 96, 96)))], "radar")
    assert (with_title[:, :TITLE] != without[:, :TITLE]).any()
    np.testing.assert_array_equal(with_title[:, TITLE:], without[:, TITLE:])


def test_temperatures_run_from_blue_to_red_and_missing_ones_are_grey():
    rgb = COLOURS["temperature"](np.array([0.0, 0.5, 1.0, np.nan])).astype(int)
    cold, middle, warm, missing = rgb
    assert cold[2] - cold[0] > 60
    assert warm[0] - warm[2] > 60
    assert middle.min() > 180
    assert np.ptp(missing) == 0
    sheet = montage([("", np.ones((1, 96, 96)))], "temperature")
    assert (sheet[:, TITLE : TITLE + 96, GAP : GAP + 96] == warm[:, None, None]).all()
