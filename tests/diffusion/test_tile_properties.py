import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mindcast.diffusion.tiling import tiles_of

FIELDS = st.tuples(st.integers(1, 30), st.integers(1, 30))
SIZES = st.tuples(st.integers(3, 16), st.integers(3, 16))
OVERLAPS = st.integers(0, 12)


@given(FIELDS, SIZES, OVERLAPS)
def test_tiles_of_one_size_cover_every_cell_with_weights_that_sum_to_one(field, size, overlap):
    tiles = tiles_of(field, size, overlap)
    total = np.zeros(field)
    for box, weights in zip(tiles.boxes, tiles.weights, strict=True):
        total[box] += weights
        assert weights.shape == tuple(min(pair) for pair in zip(field, size, strict=True))
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert tiles.weights.min() > 0


@given(FIELDS, SIZES, OVERLAPS)
def test_neighbours_lie_over_each_other_by_the_overlap_at_least(field, size, overlap):
    boxes = tiles_of(field, size, overlap).boxes
    assert len({(rows.start, columns.start) for rows, columns in boxes}) == len(boxes)
    for axis in (0, 1):
        spans = sorted({(box[axis].start, box[axis].stop) for box in boxes})
        common = min(overlap, size[axis] - 1)  # a tile moves on by one cell at least
        for (_, stop), (start, _) in itertools.pairwise(spans):
            assert stop - start >= common


@given(FIELDS, SIZES, OVERLAPS, st.integers(0, 9))
def test_blending_what_was_cut_gives_the_field_back(field, size, overlap, seed):
    tiles = tiles_of(field, size, overlap)
    values = np.random.default_rng(seed).normal(size=(1, 2, *field))
    np.testing.assert_allclose(tiles.blend(tiles.cut(values)), values, rtol=1e-12)
