"""Fields too large for a network at once: overlapping tiles, blended with Hann weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindcast.diffusion.sampling import member_batches


@dataclass(frozen=True, eq=False)
class Tiles:
    """Rectangles of one size that cover a field.

    boxes: rows and columns of each. weights: (K, h, w) float64, how much of each point comes from
    each tile: positive, falling towards the edges of a tile, and one in sum over the tiles.
    """

    boxes: tuple[tuple[slice, slice], ...]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def cut(self, field: np.ndarray, channels_last: bool = False) -> np.ndarray:
        """The tiles of one field (1, ..., H, W), or (1, H, W, C): (K, ..., h, w), (K, h, w, C)."""
        rest = (slice(None),) if channels_last else ()
        return np.concatenate([field[(..., *box, *rest)] for box in self.boxes])

    def blend(self, tiles: np.ndarray) -> np.ndarray:
        """One field (1, ..., H, W) of its tiles (K, ..., h, w)."""
        rows, columns = self.boxes[-1]  # flush with the far borders
        field = np.zeros((1, *tiles.shape[1:-2], rows.stop, columns.stop))
        for box, weight, tile in zip(self.boxes, self.weights, tiles, strict=True):
            field[(..., *box)] += weight * tile
        return field.astype(tiles.dtype)


def tiles_of(field: tuple[int, int], size: tuple[int, int], overlap: int) -> Tiles:
    """Tiles of `size`, at least `overlap` cells over each other, that cover a `field`, both (H, W).

    Where a field is no longer than a tile, the tile is as long as the field.
    """
    size = (min(field[0], size[0]), min(field[1], size[1]))
    rows, columns = (_spans(*lengths, overlap) for lengths in zip(field, size, strict=True))
    boxes = tuple(product(rows, columns))
    hann = np.outer(_hann(size[0]), _hann(size[1]))
    total = np.zeros(field)
    for box in boxes:
        total[box] += hann
    return Tiles(boxes, np.stack([hann / total[box] for box in boxes]))


def _spans(length: int, size: int, overlap: int) -> list[slice]:
    """The last one ends with the field and so overlaps more."""
    starts = [*range(0, length - size, max(size - overlap, 1)), length - size]
    return [slice(start, start + size) for start in starts]


def _hann(size: int) -> np.ndarray:
    """Taken between the points, hence positive at the edges."""
    return np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2


class TiledStep:
    """A sampling step of whole fields, out of a `SamplingStep` that sees tiles.

    A step's result is linear in the estimate x_0, in x and in the noise. All tiles are cut from one
    x and one noise, so blending their results is blending their estimates of x_0.

    step: may be compiled. conditioning: what it takes after the noise, (K, ...) arrays of the tiles
    of one case. size: how many tiles it sees at a time.
    """

    def __init__(
        self,
        step: Callable[..., Tensor],
        tiles: Tiles,
        conditioning: Sequence[np.ndarray],
        size: int,
    ) -> None:
        self.step, self.tiles, self.size = step, tiles, size
        self.conditioning = conditioning
        self.shown: tuple[list[int], list[Tensor]] = ([], [])  # the last one put on the device

    def __call__(self, x: Tensor, t: Tensor, coefficients: Tensor, noise: Tensor) -> Tensor:
        """x, noise (M, ..., H, W): members of one case; t (M,), one time for all."""
        whole, fresh, time = x.asnumpy(), noise.asnumpy(), int(t.asnumpy()[0])
        times = Tensor(np.full(self.size, time, np.int32))
        result = np.zeros(whole.shape)
        for count, pairs in member_batches(len(self.tiles), len(whole), self.size):
            cut = (
                np.stack([a[(m, ..., *self.tiles.boxes[k])] for k, m in pairs])
                for a in (whole, fresh)
            )
            of_x, of_noise = (Tensor(np.ascontiguousarray(array)) for array in cut)
            seen = self._seen([k for k, _ in pairs])
            made = self.step(of_x, times, coefficients, of_noise, *seen).asnumpy()
            for (k, m), tile in zip(pairs[:count], made, strict=False):
                result[(m, ..., *self.tiles.boxes[k])] += self.tiles.weights[k] * tile
        return Tensor(result, ms.float32)

    def _seen(self, numbers: list[int]) -> list[Tensor]:
        """The conditioning of these tiles; what is there already is not copied again."""
        if self.shown[0] != numbers:
            self.shown = (numbers, [Tensor(array[numbers]) for array in self.conditioning])
        return self.shown[1]
