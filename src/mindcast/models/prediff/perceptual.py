"""LPIPS, the perceptual distance of frames, on the VGG16 network (Zhang et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.device import differentiable_twice
from mindcast.models.prediff.settings import AdversarySettings
from mindcast.refusal import Refusal

# torchvision's indices of VGG16's 3x3 convolutions; a stage ends before each 2x2 max pooling
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
# from [-1, 1] to the normalised RGB on which VGG16 was trained
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
TINY = 1e-10


def perceptual_keys() -> tuple[str, ...]:
    """What a file of weights must hold, under the names of torchvision and of lpips."""
    convolutions = [
        f"features.{i}.{kind}" for s in STAGES for i in s for kind in ("weight", "bias")
    ]
    return (*convolutions, *(f"lin{k}.model.1.weight" for k in range(len(STAGES))))


class PerceptualDistance(nn.Cell):
    """Weighted squared difference of normalised features after each of VGG16's five stages.

    weights: the arrays of `perceptual_keys`: (out, in, 3, 3) and (out,) of every convolution and
    (1, out, 1, 1) of every stage's weighting. They stay fixed.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.stages = nn.CellList([_stage(indices, weights) for indices in STAGES])
        self.weightings = [
            Tensor(np.asarray(weights[f"lin{k}.model.1.weight"], np.float32))
            for k in range(len(STAGES))
        ]
        self.shift = Tensor(np.array(SHIFT, np.float32).reshape(1, 3, 1, 1))
        self.scale = Tensor(np.array(SCALE, np.float32).reshape(1, 3, 1, 1))
        self.pool = nn.MaxPool2d(2, 2)

    def construct(self, first: Tensor, second: Tensor) -> Tensor:
        """Frames (N, 1 or 3, H, W), H and W at least 16 -> distances (N,).

        One channel counts as three equal ones.
        """
        first, second = (first - self.shift) / self.scale, (second - self.shift) / self.scale
        total = 0.0
        for k in range(len(self.stages)):
            if k > 0:
                first, second = self.pool(first), self.pool(second)
            first, second = self.stages[k](first), self.stages[k](second)
            gap = _unit_length(first) - _unit_length(second)
            weighted = (gap * gap * self.weightings[k]).sum(1)
            total = total + weighted.reshape(weighted.shape[0], -1).mean(1)
        return total


def _stage(indices: tuple[int, ...], weights: Mapping[str, np.ndarray]) -> nn.SequentialCell:
    cells = []
    for index in indices:
        kernel = np.asarray(weights[f"features.{index}.weight"], np.float32)
        with differentiable_twice():  # for the balance of the generator's loss
            cell = Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2], padding=1)
        cell.weight.set_data(Tensor(kernel))
        cell.bias.set_data(Tensor(np.asarray(weights[f"features.{index}.bias"], np.float32)))
        cells += [cell, nn.ReLU()]
    for parameter in (stage := nn.SequentialCell(*cells)).get_parameters():
        parameter.requires_grad = False
    return stage


def _unit_length(features: Tensor) -> Tensor:
    """Every pixel's channel vector, divided by its length."""
    # the root's slope at 0 is infinite: pixels without any active channel must stay off it
    squares = ops.maximum((features * features).sum(1, keepdims=True), TINY * TINY)
    return features / (ops.sqrt(squares) + TINY)


def load_perceptual_distance(settings: AdversarySettings) -> PerceptualDistance:
    """The distance with the weights that `perceptual_weights_path` names (.npz or .ckpt)."""
    path = Path(settings.perceptual_weights_path)
    if path.suffix not in (".npz", ".ckpt") or not path.is_file():
        raise Refusal(
            f"perceptual_weights_path: {settings.perceptual_weights_path!r}, expected an .npz or "
            f".ckpt file of VGG16 and LPIPS weights because perceptual_weight = "
            f"{settings.perceptual_weight:g}; name one or set perceptual_weight to 0"
        )
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            weights = {name: archive[name] for name in archive.files}
    else:
        weights = {name: p.asnumpy() for name, p in ms.load_checkpoint(str(path)).items()}
    missing = [name for name in perceptual_keys() if name not in weights]
    if missing:
        raise Refusal(
            f"{path}: no array {missing[0]!r} ({len(missing)} missing), expected torchvision's "
            "features.<i>.weight and .bias and lpips' lin<k>.model.1.weight; export them again"
        )
    return PerceptualDistance(weights)
