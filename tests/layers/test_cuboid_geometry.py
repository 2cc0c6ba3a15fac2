import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers.cuboid_patterns import Cuboid, cuboids_of
from mindcast.refusal import Refusal

SHAPES = [(4, 6, 8), (3, 5, 7), (1, 4, 4)]
CUBOIDS = [
    Cuboid((2, 3, 4)),
    Cuboid((2, 2, 4), "ddd"),
    Cuboid((2, 4, 4), "lll", (1, 2, 2)),
    Cuboid((2, 2, 2), "ldl", (1, 1, 1)),
    Cuboid((9, 2, 9), "lll", (4, 1, 3)),
]
CASES = list(itertools.product(SHAPES, CUBOIDS, ["zeros", "ignore", "nearest"]))


def test_local_block_holds_neighbours_and_dilated_block_every_nth_token():
    assert geometry.split_order((1, 1, 6), (1, 1, 3), "lll").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert geometry.split_order((1, 1, 6), (1, 1, 3), "lld").tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize("strategy", ["lll", "ddd", "ldl", "dld"])
def test_split_order_is_a_permutation_of_the_grid(strategy):
    order = geometry.split_order((4, 6, 8), (2, 3, 4), strategy)
    assert order.shape == (8, 24)
    assert sorted(order.reshape(-1).tolist()) == list(range(4 * 6 * 8))


@pytest.mark.parametrize(("shape", "cuboid", "padding"), CASES)
def test_return_brings_every_token_back(shape, cuboid, padding):
    cut = geometry.effective(cuboid, shape)
    index = geometry.gather_index(shape, cut, padding).reshape(-1)
    back = index[geometry.return_index(shape, cut, padding)]
    expected = np.arange(math.prod(shape)).reshape(shape)
    if padding == "nearest":  # there and back, rounding down twice, may show an earlier token
        there, target = geometry.padded_shape(shape, cut.block), shape
        for axis, (p, s) in enumerate(zip(there, target, strict=True)):
            source = [(i * p // s) * s // p for i in range(s)]
            expected = np.take(expected, source, axis)
    assert back.tolist() == expected.reshape(-1).tolist()


@pytest.mark.parametrize(("shape", "cuboid", "padding"), CASES)
def test_gather_is_pad_then_roll_then_split(shape, cuboid, padding):
    cut = geometry.effective(cuboid, shape)
    padded = geometry.padded_shape(shape, cut.block)
    assert all(p % b == 0 and p - s < b for p, b, s in zip(padded, cut.block, shape, strict=True))
    x = np.random.default_rng(0).normal(size=shape)
    if padding == "nearest":
        i, j, k = (np.arange(p) * s // p for p, s in zip(padded, shape, strict=True))
        grid = x[i][:, j][:, :, k]
    else:
        grid = np.pad(x, [(0, p - s) for p, s in zip(padded, shape, strict=True)])
    grid = np.roll(grid, [-s for s in cut.shift], (0, 1, 2)).reshape(-1)
    expected = grid[geometry.split_order(padded, cut.block, cut.strategy)]
    rows = np.append(x.reshape(-1), 0.0)
    assert np.array_equal(rows[geometry.gather_index(shape, cut, padding)], expected)


@st.composite
def cuts(draw):
    """A grid and any cuboid, as it acts on it."""
    shape = draw(st.tuples(*[st.integers(1, 7)] * 3))
    block = draw(st.tuples(*[st.integers(1, 8)] * 3))
    shift = draw(st.tuples(*[st.integers(0, b - 1) for b in block]))
    strategy = "".join(draw(st.tuples(*[st.sampled_from("ld")] * 3)))
    return shape, geometry.effective(Cuboid(block, strategy, shift), shape)


@given(cuts(), st.sampled_from(["zeros", "ignore"]))
def test_every_token_has_one_place_and_comes_back_from_it(cut, padding):
    shape, cuboid = cut
    tokens = math.prod(shape)
    padded = geometry.padded_shape(shape, cuboid.block)
    index = geometry.gather_index(shape, cuboid, padding)
    assert index.shape[1] == math.prod(cuboid.block)
    held = np.sort(index, axis=None)
    assert held.tolist() == [*range(tokens), *[tokens] * (math.prod(padded) - tokens)]
    back = index.reshape(-1)[geometry.return_index(shape, cuboid, padding)]
    assert back.tolist() == list(range(tokens))


@given(cuts())
def test_stretching_over_the_padded_grid_drops_no_token_and_adds_no_zero(cut):
    shape, cuboid = cut
    tokens = math.prod(shape)
    index = geometry.gather_index(shape, cuboid, "nearest").reshape(-1)
    assert set(index.tolist()) == set(range(tokens))
    back = geometry.return_index(shape, cuboid, "nearest")
    assert back.shape == (tokens,)
    assert len(set(back.tolist())) == tokens
    if geometry.padded_shape(shape, cuboid.block) == shape:
        assert index[back].tolist() == list(range(tokens))


@given(cuts(), st.sampled_from(["zeros", "ignore", "nearest"]))
def test_a_mask_is_symmetric_and_lets_every_token_attend_to_itself(cut, padding):
    shape, cuboid = cut
    mask = geometry.attention_mask(shape, cuboid, padding)
    if mask is None:
        return
    np.testing.assert_array_equal(mask, mask.transpose(0, 2, 1))
    held = geometry.gather_index(shape, cuboid, padding) < math.prod(shape)
    assert np.diagonal(mask, axis1=1, axis2=2)[held].all()


def label(position, length, block, shift):
    if not shift or position < length - block:
        return 0
    return 1 if position < length - shift else 2


@pytest.mark.parametrize(("shape", "cuboid", "padding"), CASES)
def test_mask_equals_pair_by_pair_definition(shape, cuboid, padding):
    cut = geometry.effective(cuboid, shape)
    padded = geometry.padded_shape(shape, cut.block)
    order = geometry.split_order(padded, cut.block, cut.strategy)
    cells = []
    for cell in itertools.product(*map(range, padded)):
        axes = zip(cell, padded, cut.block, cut.shift, strict=True)
        region = tuple(label(*axis) for axis in axes)
        origin = [(i + s) % p for i, s, p in zip(cell, cut.shift, padded, strict=True)]
        real = all(o < length for o, length in zip(origin, shape, strict=True))
        cells.append((region, real or padding != "ignore"))
    expected = np.array(
        [
            [[cells[p][0] == cells[q][0] and cells[p][1] and cells[q][1] for q in row] for p in row]
            for row in order
        ]
    )
    mask = geometry.attention_mask(shape, cut, padding)
    assert np.array_equal(np.ones_like(expected) if mask is None else mask, expected)


def test_nothing_is_masked_without_shift_and_padding():
    assert geometry.attention_mask((4, 6, 8), Cuboid((2, 3, 4)), "ignore") is None
    assert geometry.attention_mask((3, 6, 8), Cuboid((2, 3, 4)), "zeros") is None
    assert geometry.attention_mask((3, 6, 8), Cuboid((2, 3, 4)), "ignore") is not None


def test_blocks_are_clipped_to_the_grid_and_shift_only_where_local_and_split():
    cut = geometry.effective(Cuboid((4, 8, 2), "lld", (2, 4, 1)), (6, 5, 6))
    # T: 4 < 6, shifts; H: block 8 becomes the axis, no shift; W: dilated, no shift
    assert cut == Cuboid((4, 5, 2), "lld", (2, 0, 0))


def test_relative_position_is_shared_by_pairs_of_equal_offset():
    index = geometry.relative_position_index((1, 2, 3))
    assert index.shape == (6, 6)
    # offset 0 is the middle of 1 * 3 * 5 rows; one row down adds 2 * 3 - 1 = 5
    assert set(np.diag(index).tolist()) == {7}
    assert index[3, 0] == index[4, 1] == 12
    assert index[0, 3] == 2
    assert index.min() == 0
    assert index.max() == 14


def test_patches_list_their_offsets_slowest_first():
    index = geometry.patch_index((1, 2, 4), (1, 2, 2), "zeros")
    assert index.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]


@pytest.mark.parametrize(
    "name",
    [
        "axial",
        "full",
        "divided_st",
        "video_swin",
        "video_swin_2x8",
        "spatial_lg_4",
        "spatial_lg_v1",
        "axial_space_dilate_2",
    ],
)
def test_every_pattern_reaches_beyond_one_token(name):
    for cuboid in cuboids_of(name, (5, 8, 8)):
        assert math.prod(geometry.effective(cuboid, (5, 8, 8)).block) > 1


@pytest.mark.parametrize("name", ["swin", "video_swin_PxM", "spatial_lg_0", "axial_2", "axial "])
def test_unknown_pattern_is_refused_with_the_names(name):
    with pytest.raises(Refusal, match=r"patterns: .*expected one of axial, .*video_swin_PxM"):
        cuboids_of(name, (2, 4, 4))
