import numpy as np

from mindcast.data.radar.composites.series import Field
from mindcast.data.radar.composites.tiles import Area


def area(codes, missing=None, frames=2):
    made = Area(wet_code=10)
    missing = np.zeros(codes.shape, bool) if missing is None else missing
    for _ in range(frames):
        made.add(Field(codes.astype(np.uint8), missing, None))
    return made


def test_the_wettest_tile_comes_first_then_the_farthest():
    codes = np.zeros((4, 20))
    codes[:, 8:12] = 20
    origins, fits = area(codes).origins((4, 4), most=3, gap=2, wet_share=0.0, missing_share=0.0)
    # from column 8 the farthest of 0..16 are 0 and 16, the first of them first
    assert origins == [(0, 8), (0, 0), (0, 16)]
    assert fits


def test_tiles_are_a_gap_apart():
    origins, _ = area(np.full((4, 9), 20)).origins((4, 4), 9, 3, 0.5, 0.0)
    # 0..5: 0 first, 5 is farthest; what is left is nearer than 3
    assert origins == [(0, 0), (0, 5)]


def test_a_tile_with_an_unseen_pixel_is_none():
    missing = np.zeros((4, 8), bool)
    missing[0, 4] = True
    codes = np.full((4, 8), 20)
    origins, fits = area(codes, missing).origins((4, 4), 9, 1, 0.5, 0.0)
    assert origins == [(0, 0)]
    assert fits
    # one of 16 pixels
    assert len(area(codes, missing).origins((4, 4), 9, 1, 0.5, 0.07)[0]) == 5


def test_a_dry_area_fits_and_has_no_tile():
    assert area(np.zeros((4, 8))).origins((4, 4), 9, 1, 0.5, 0.0) == ([], True)


def test_too_small_an_area_does_not_fit():
    assert area(np.zeros((3, 8))).origins((4, 4), 9, 1, 0.0, 0.0) == ([], False)
