import numpy as np

from mindcast.data.radar.composites.series import Field
from mindcast.data.radar.composites.tiles import Area


def area(codes, missing=None, frames=2):
    made = Area(wet_code=10)
    missing = np.zeros(codes.shape, bool) if missing is None else missing
    for _ in range(frames):
        made.add(Field(codes.astype(np.uint8), missing, None))
    return made


def test_the_wettest_tile_comes_first_then_the_farthest_of_those_half_as_wet():
    codes = np.zeros((4, 20))
    codes[:, 8:12] = 20
    # tiles from columns 6 to 10 hold two wet columns of four; from 8 the farthest are 6 and 10
    assert area(codes).origins((4, 4), most=3, gap=2, missing_share=0.0) == [
        (0, 8),
        (0, 6),
        (0, 10),
    ]


def test_tiles_are_a_gap_apart():
    # 0..5: 0 first, 5 is farthest; what is left is nearer than 3
    assert area(np.full((4, 9), 20)).origins((4, 4), 9, 3, 0.0) == [(0, 0), (0, 5)]


def test_a_tile_with_an_unseen_pixel_is_none():
    missing = np.zeros((4, 8), bool)
    missing[0, 4] = True
    codes = np.full((4, 8), 20)
    assert area(codes, missing).origins((4, 4), 9, 1, 0.0) == [(0, 0)]
    # one of 16 pixels
    assert len(area(codes, missing).origins((4, 4), 9, 1, 0.07)) == 5


def test_a_dry_area_has_tiles_too():
    assert area(np.zeros((4, 8))).origins((4, 4), 2, 1, 0.0) == [(0, 0), (0, 4)]


def test_too_small_an_area_has_no_tile():
    assert area(np.zeros((3, 8))).origins((4, 4), 9, 1, 0.0) == []
