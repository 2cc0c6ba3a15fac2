import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mindspore import Tensor

from mindcast.diffusion.tiling import Spans, Tiles

LENGTHS, SIZES, OVERLAPS = st.integers(1, 60), st.integers(3, 16), st.integers(0, 12)


@given(LENGTHS, SIZES, OVERLAPS)
def test_spans_cover_every_point_with_weights_that_sum_to_one(length, size, overlap):
    spans = Spans(length, size, overlap)
    total = np.zeros(length)
    for start, weights in zip(spans.starts, spans.weights, strict=True):
        total[start : start + spans.size] += weights
        assert weights.shape == (min(length, size),)
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert spans.weights.min() > 0


@given(LENGTHS, SIZES, OVERLAPS)
def test_neighbours_lie_over_each_other_by_the_overlap_at_least(length, size, overlap):
    spans = Spans(length, size, overlap)
    assert len(set(spans.starts)) == len(spans)
    common = min(overlap, size - 1)  # a span moves on by one point at least
    for one, other in itertools.pairwise(spans.starts):
        assert one + spans.size - other >= common


FIELDS = st.sampled_from([(5, 9), (16, 16), (17, 30), (30, 7)])


@given(FIELDS, st.tuples(SIZES, SIZES), OVERLAPS, st.integers(0, 9))
def test_blending_what_was_cut_gives_the_field_back(field, size, overlap, seed):
    tiles = Tiles(field, size, overlap)
    values = np.random.default_rng(seed).normal(size=(1, 2, *field)).astype(np.float32)
    back = tiles.blend(tiles.cut(Tensor(values))).asnumpy()
    np.testing.assert_allclose(back, values, rtol=1e-5, atol=1e-6)
