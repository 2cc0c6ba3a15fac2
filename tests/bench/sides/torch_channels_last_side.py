"""PyTorch whose users know what its 2-D convolutions are fastest with."""

from __future__ import annotations

from tests.bench.sides import torch_side


def start() -> torch_side.TorchSide:
    """The side of PyTorch, channels last."""
    return torch_side.start(channels_last=True)
