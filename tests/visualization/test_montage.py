import numpy as np

from mindcast.visualization.colours import VIL_RGB
from mindcast.visualization.montage import GAP, SMALLEST_SIDE, TITLE, montage


def test_rows_of_unlike_frames_share_one_sheet():
    sheet = montage([("truth", np.zeros((3, 128, 128))), ("latent", np.ones((2, 8, 8)))])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (3, 2 * TITLE + 128 + SMALLEST_SIDE + GAP, GAP + 3 * (128 + GAP))
    first = sheet[:, TITLE : TITLE + 128, GAP : GAP + 128]
    assert (first == np.array(VIL_RGB[0])[:, None, None]).all()
    second = sheet[:, 2 * TITLE + 128 :][:, :SMALLEST_SIDE, GAP : GAP + SMALLEST_SIDE]
    assert (second == np.array(VIL_RGB[-1])[:, None, None]).all()


def test_titles_are_written_above_their_rows():
    with_title = montage([("truth", np.zeros((1, 96, 96)))])
    without = montage([("", np.zeros((1, 96, 96)))])
    assert (with_title[:, :TITLE] != without[:, :TITLE]).any()
    np.testing.assert_array_equal(with_title[:, TITLE:], without[:, TITLE:])
