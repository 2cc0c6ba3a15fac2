"""Floating-point operations and moved bytes of the parts that networks are made of."""

from __future__ import annotations

from dataclasses import dataclass

BYTES = 4  # of a float32
BACKWARD = 3  # a step takes the gradients of inputs and of weights besides the forward pass
ADAMW_VALUES = 8  # of a weight: read for the norm, then gradient, weight, moments; three written


@dataclass
class Count:
    """Sums over a network.

    flops: a multiplication and an addition are two. moved: bytes that must go through main memory
    if every part reads its inputs and weights once and writes its output once, norms and
    activations included; what the caches save and what copies add is left out.
    """

    flops: float = 0.0
    moved: float = 0.0

    def convolution(
        self,
        positions: int,
        channels: int,
        out_channels: int,
        taps: int,
        groups: int = 1,
        read: int | None = None,
    ) -> None:
        """positions: of the output, over batch and axes. taps: cells of a kernel. read: positions
        of the input, if they are others."""
        weights = out_channels * channels * taps // groups
        self.flops += 2.0 * positions * weights
        come = positions if read is None else read
        self.moved += BYTES * (come * channels + weights + positions * out_channels)

    def product(self, rows: int, channels: int, out_channels: int) -> None:
        """A linear layer, (rows, channels) -> (rows, out_channels)."""
        self.convolution(rows, channels, out_channels, taps=1)

    def attention(self, sets: int, queries: int, keys: int, channels: int, heads: int) -> None:
        """Scores and mixing of `sets` sets; `channels` of all heads together."""
        self.flops += 2.0 * 2 * sets * queries * keys * channels
        scores = sets * heads * queries * keys
        self.moved += BYTES * (sets * 2 * (queries + keys) * channels + 2 * scores)

    def pointwise(self, values: int, reads: int = 1) -> None:
        """A norm, activation or sum: every value read (of so many tensors) and written once."""
        self.moved += BYTES * values * (reads + 1)


def of_step(forward: Count, parameters: int) -> Count:
    """Of a training step with AdamW and clipping."""
    update = BYTES * ADAMW_VALUES * parameters
    return Count(BACKWARD * forward.flops, BACKWARD * forward.moved + update)
