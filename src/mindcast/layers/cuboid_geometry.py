"""Where every token goes when a (T, H, W) grid is cut into cuboids. Pure NumPy.

A layer pads the grid to whole blocks, rolls it by the shift, and splits it; afterwards it takes
the inverse way. Both ways are one row index each, computed here from flat positions
(t * H + h) * W + w. Source: Gao et al. 2022 (Earthformer).
"""

from __future__ import annotations

import math

import numpy as np

from mindcast.layers.cuboid_patterns import Cuboid, Shape


def effective(cuboid: Cuboid, shape: Shape) -> Cuboid:
    """The cuboid that acts on a grid of that shape.

    A block at least as long as its axis becomes the axis; such axes and dilated ones do not shift.
    """
    axes = zip(cuboid.block, cuboid.shift, shape, cuboid.strategy, strict=True)
    t, h, w = (
        (min(b, length), 0 if letter == "d" or length <= b else s) for b, s, length, letter in axes
    )
    return Cuboid((t[0], h[0], w[0]), cuboid.strategy, (t[1], h[1], w[1]))


def padded_shape(shape: Shape, block: Shape) -> Shape:
    """The grid extended at the end of each axis to whole blocks."""
    t, h, w = (-(-length // b) * b for length, b in zip(shape, block, strict=True))
    return t, h, w


def split_order(shape: Shape, block: Shape, strategy: str) -> np.ndarray:
    """(cuboids, volume): the flat position of each token of each cuboid, T slowest in both.

    Along an axis of n blocks of b tokens, token i of block j is at j * b + i if local and at
    i * n + j if dilated. Axes must hold whole blocks.
    """
    positions = np.arange(math.prod(shape))
    split: list[int] = []
    block_axes, token_axes = [], []
    for axis, (length, b, letter) in enumerate(zip(shape, block, strategy, strict=True)):
        n = length // b
        split += [n, b] if letter == "l" else [b, n]
        first, second = 2 * axis, 2 * axis + 1
        block_axes.append(first if letter == "l" else second)
        token_axes.append(second if letter == "l" else first)
    ordered = positions.reshape(split).transpose(block_axes + token_axes)
    return ordered.reshape(-1, math.prod(block))


def padded_source(shape: Shape, padded: Shape, padding: str) -> np.ndarray:
    """(padded T, H, W): the flat position that each cell of the padded grid copies.

    The number of tokens stands for a cell of zeros ("zeros", "ignore"); "nearest" stretches the
    grid over the padded one.
    """
    if padding == "nearest":
        return nearest_source(shape, padded)
    source = np.full(padded, math.prod(shape))
    source[tuple(slice(length) for length in shape)] = np.arange(math.prod(shape)).reshape(shape)
    return source


def nearest_source(shape: Shape, target: Shape) -> np.ndarray:
    """(target T, H, W): the flat position floor(i * L / L') per axis of nearest resizing."""
    axes = [np.arange(new) * length // new for length, new in zip(shape, target, strict=True)]
    return np.arange(math.prod(shape)).reshape(shape)[np.ix_(*axes)]


def gather_index(shape: Shape, cuboid: Cuboid, padding: str) -> np.ndarray:
    """(cuboids, volume): the token (or the zero cell) that each place of each cuboid holds."""
    padded = padded_shape(shape, cuboid.block)
    rolled = _rolled(padded_source(shape, padded, padding), cuboid.shift)
    return rolled.reshape(-1)[split_order(padded, cuboid.block, cuboid.strategy)]


def return_index(shape: Shape, cuboid: Cuboid, padding: str) -> np.ndarray:
    """(T * H * W,): the place, counted through all cuboids, from which each token comes back."""
    padded = padded_shape(shape, cuboid.block)
    place = np.empty(math.prod(padded), np.int64)
    order = split_order(padded, cuboid.block, cuboid.strategy)
    place[order.reshape(-1)] = np.arange(place.size)
    place = np.roll(place.reshape(padded), cuboid.shift, (0, 1, 2))
    if padding == "nearest":
        return place.reshape(-1)[nearest_source(padded, shape)].reshape(-1)
    return place[tuple(slice(length) for length in shape)].reshape(-1)


def attention_mask(shape: Shape, cuboid: Cuboid, padding: str) -> np.ndarray | None:
    """(cuboids, volume, volume) bool, True where a token may attend; None where all may.

    A shift brings tokens of opposite edges into one block: only tokens of the same region of the
    rolled grid see each other. With "ignore", padded cells neither attend nor are attended to.
    """
    padded = padded_shape(shape, cuboid.block)
    hidden = padding == "ignore" and padded != shape
    if not hidden and not any(cuboid.shift):
        return None
    order = split_order(padded, cuboid.block, cuboid.strategy)
    region = _regions(padded, cuboid).reshape(-1)[order]
    mask = region[:, :, None] == region[:, None, :]
    if hidden:
        real = real_cells(shape, cuboid)[order]
        mask &= real[:, :, None] & real[:, None, :]
    return mask


def real_cells(shape: Shape, cuboid: Cuboid) -> np.ndarray:
    """(padded T * H * W,) bool: whether a cell of the padded and rolled grid is a token."""
    source = padded_source(shape, padded_shape(shape, cuboid.block), "zeros")
    return _rolled(source, cuboid.shift).reshape(-1) < math.prod(shape)


def relative_position_index(block: Shape) -> np.ndarray:
    """(volume, volume): the row of the bias table for each pair of tokens of a block.

    With d = coordinate(p) - coordinate(q):
    ((dT + bT - 1) (2 bH - 1) + (dH + bH - 1)) (2 bW - 1) + (dW + bW - 1).
    """
    coordinates = np.indices(block).reshape(3, -1)
    offset = coordinates[:, :, None] - coordinates[:, None, :]
    spans = tuple(2 * b - 1 for b in block)
    shifted = [d + b - 1 for d, b in zip(offset, block, strict=True)]
    return np.ravel_multi_index(shifted, spans)


def patch_index(shape: Shape, factors: Shape, padding: str) -> np.ndarray:
    """(patches, tokens of a patch): the token (or the zero cell) at each offset of each patch."""
    return gather_index(shape, Cuboid(factors), padding)


def _rolled(grid: np.ndarray, shift: Shape) -> np.ndarray:
    return np.roll(grid, tuple(-s for s in shift), (0, 1, 2))


def _regions(padded: Shape, cuboid: Cuboid) -> np.ndarray:
    """(T, H, W) labels: per shifted axis the parts [0, L-b), [L-b, L-s) and [L-s, L)."""
    labels = np.zeros(padded, np.int64)
    for axis, (length, b, s) in enumerate(zip(padded, cuboid.block, cuboid.shift, strict=True)):
        position = np.arange(length)
        part = (position >= length - b).astype(np.int64) + (position >= length - s)
        part = part if s else np.zeros_like(part)
        labels = 3 * labels + np.expand_dims(part, [a for a in range(3) if a != axis])
    return labels
