"""Fields too large for a network at once: overlapping tiles, blended with Hann weights.

Tiles are all pairs of a span of rows and a span of columns, and their weights are products. So both
cutting and blending go along one axis after the other, with operations that keep the data where it
is: nothing returns to the host between sampling steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from mindspore import Tensor, ops

from mindcast.diffusion.ensembles import equal_batches
from mindcast.diffusion.noising import constant
from mindcast.diffusion.sampling import Estimated


class Spans:
    """Stretches of one `size` that cover an axis of `length` points, `overlap` or more in common.

    The last one ends with the axis and so overlaps more; where the axis is no longer than `size`,
    there is one, as long as it.
    weights: (K, size) float64, how much of each point comes from each span: positive, falling
    towards the ends of a span, and one in sum over the spans.
    """

    def __init__(self, length: int, size: int, overlap: int) -> None:
        self.length, self.size = length, min(length, size)
        last, stride = length - self.size, max(self.size - overlap, 1)
        self.starts = (*range(0, last, stride), last)
        # between the points, hence positive at the ends
        hann = np.sin(np.pi * (np.arange(self.size) + 0.5) / self.size) ** 2
        total = np.zeros(length)
        for start in self.starts:
            total[start : start + self.size] += hann
        self.weights = np.stack([hann / total[s : s + self.size] for s in self.starts])

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, field: Tensor, axis: int) -> list[Tensor]:
        """The spans of that axis of a field."""
        return [ops.narrow(field, axis, start, self.size) for start in self.starts]

    def blend(self, spans: Sequence[Tensor], axis: int) -> Tensor:
        """One field of its spans: between any two ends, the weighted sum of those that cover it."""
        pieces = []
        for length, covering in self._segments:
            along = [length if other == axis else 1 for other in range(spans[0].ndim)]
            first, *others = (
                weights.reshape(along) * ops.narrow(spans[k], axis, offset, length)
                for k, offset, weights in covering
            )
            pieces.append(sum(others, first))
        return ops.cat(pieces, axis)

    @cached_property
    def _segments(self) -> list[tuple[int, list[tuple[int, int, Tensor]]]]:
        """(length, [(span, where the segment begins in it, its weights there)]), in order."""
        ends = sorted({end for start in self.starts for end in (start, start + self.size)})
        segments = []
        for first, last in pairwise(ends):
            covering = [
                (k, first - start, constant(self.weights[k, first - start : last - start]))
                for k, start in enumerate(self.starts)
                if start <= first and last <= start + self.size
            ]
            segments.append((last - first, covering))
        return segments


class Tiles:
    """Rectangles of one `size`, at least `overlap` cells over each other, that cover a `field`.

    field, size: (H, W). Tile k = i C + j is row span i and column span j of C.
    """

    def __init__(self, field: tuple[int, int], size: tuple[int, int], overlap: int) -> None:
        self.rows, self.columns = (
            Spans(*lengths, overlap) for lengths in zip(field, size, strict=True)
        )

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def cut(self, fields: Tensor, channels_last: bool = False) -> Tensor:
        """Tiles of fields (N, ..., H, W), or (N, H, W, C): (K, N, ..., h, w), (K, N, h, w, C)."""
        if len(self) == 1:
            return fields.reshape(1, *fields.shape)
        end = fields.ndim - (1 if channels_last else 0)
        front, back = fields.shape[: end - 2], fields.shape[end:]
        flat = fields.reshape(-1, *fields.shape[end - 2 :])  # no more axes than devices can slice
        rows = ops.stack(self.rows.cut(flat, 1), 0)
        tiles = ops.stack(self.columns.cut(rows, 3), 1)
        return tiles.reshape(len(self), *front, self.rows.size, self.columns.size, *back)

    def blend(self, tiles: Tensor, channels_last: bool = False) -> Tensor:
        """Fields (N, ..., H, W) of their tiles (K, N, ..., h, w); the inverse of `cut`."""
        if len(self) == 1:
            return tiles.reshape(tiles.shape[1:])
        end = tiles.ndim - (1 if channels_last else 0)
        front, back = tiles.shape[1 : end - 2], tiles.shape[end:]
        count, size = len(self.columns), tiles.shape[end - 2 : end]
        flat = tiles.reshape(len(self.rows), count, -1, *size, *back)
        rows = self.columns.blend([flat[:, j] for j in range(count)], 3)
        field = self.rows.blend([rows[i] for i in range(len(self.rows))], 1)
        return field.reshape(*front, self.rows.length, self.columns.length, *back)


def tiles_over(field: tuple[int, int], size: tuple[int, int], share: float) -> Tiles:
    """Tiles that have a `share` of their shorter side in common with their neighbours."""
    return Tiles(field, size, round(share * min(size)))


def in_batches(
    function: Callable[[np.ndarray], tuple[Tensor, ...]], rows: int, size: int
) -> list[Tensor]:
    """A function of row numbers (int32) for all `rows`, at most `size` at a time; its outputs."""
    made = []
    for count, batch in equal_batches(range(rows), size):
        made.append([output[:count] for output in function(np.array(batch, np.int32))])
    return [ops.cat(parts, 0) for parts in zip(*made, strict=True)]


class TiledStep:
    """A sampling step of whole fields, out of a `SamplingStep` of tiles.

    A step's result is linear in the estimate x_0, in x and in the noise. All tiles are cut from one
    x and one noise, so blending their results is blending their estimates of x_0; those are blended
    alike, for the steps that use them again.

    step: may be compiled. conditioning: what it takes after the noise, tensors (K, ...) of the
    tiles of one case. size: the most tiles at a time. channels_last: whether x is (M, ..., H, W,
    C).
    """

    def __init__(
        self,
        step: Callable[..., Estimated],
        tiles: Tiles,
        conditioning: Sequence[Tensor],
        size: int,
        channels_last: bool = False,
    ) -> None:
        self.step, self.tiles, self.size = step, tiles, size
        self.conditioning, self.channels_last = conditioning, channels_last

    def __call__(
        self, x: Tensor, t: Tensor, coefficients: Tensor, noise: Tensor, *more: Tensor
    ) -> Estimated:
        """x, noise (M, ..., H, W): members of one case; t (M,).

        more: what the step takes before the conditioning, of the members: fields like x, which are
        cut as it is, or a number of each (M,).
        """
        of_x, of_noise = (self._rows(fields) for fields in (x, noise))
        shape = (len(self.tiles), x.shape[0], *of_x.shape[1:])
        of_more = [array if array.ndim == 1 else self._rows(array) for array in more]

        def of_rows(rows: np.ndarray) -> Estimated:
            row, tile, member = (Tensor(n) for n in (rows, *np.divmod(rows, shape[1])))
            own = [ops.gather(a, member if a.ndim == 1 else row, 0) for a in of_more]
            conditioning = [ops.gather(array, tile, 0) for array in self.conditioning]
            return self.step(
                ops.gather(of_x, row, 0),
                ops.gather(t, member, 0),
                coefficients,
                ops.gather(of_noise, row, 0),
                *own,
                *conditioning,
            )

        outputs = in_batches(of_rows, shape[0] * shape[1], self.size)
        following, x0 = (self.tiles.blend(o.reshape(shape), self.channels_last) for o in outputs)
        return following, x0

    def _rows(self, fields: Tensor) -> Tensor:
        """Fields (M, ...) as the rows of all their tiles (K M, ...)."""
        tiles = self.tiles.cut(fields, self.channels_last)
        return tiles.reshape(-1, *tiles.shape[2:])
