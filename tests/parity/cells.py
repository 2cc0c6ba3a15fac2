"""Loading reference weights into a cell and differentiating it against fixed cotangents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn


def load(cell: nn.Cell, weights: Mapping[str, np.ndarray]) -> nn.Cell:
    """Set every parameter of `cell` from `weights` (our names); no name may be left over."""
    parameters = {p.name: p for p in cell.get_parameters()}
    if parameters.keys() != weights.keys():
        missing = sorted(parameters.keys() - weights.keys())
        unknown = sorted(weights.keys() - parameters.keys())
        raise AssertionError(f"{missing=}, {unknown=}")
    for name, parameter in parameters.items():
        if tuple(parameter.shape) != weights[name].shape:
            raise AssertionError(f"{name}: got {weights[name].shape}, expected {parameter.shape}")
        parameter.set_data(Tensor(np.ascontiguousarray(weights[name], dtype=np.float32)))
    return cell


def differentiate(
    cell: nn.Cell,
    inputs: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray | None], dict[str, np.ndarray]]:
    """Outputs, input gradients (None for integer inputs) and parameter gradients by our names.

    The gradients are those of sum over outputs of sum(output * cotangent).
    """
    tensors = [Tensor(a.astype(np.int32 if a.dtype.kind in "iu" else np.float32)) for a in inputs]
    positions = tuple(i for i, a in enumerate(inputs) if a.dtype.kind == "f")
    weights = cell.trainable_params()
    fixed = [Tensor(np.asarray(c, np.float32)) for c in cotangents]

    def loss(*arguments):
        outputs = cell(*arguments)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        total = (outputs[0] * fixed[0]).sum()
        for output, cotangent in zip(outputs[1:], fixed[1:], strict=False):
            total = total + (output * cotangent).sum()
        return (total, *outputs)

    step = ms.value_and_grad(loss, positions, weights or None, has_aux=True)
    values, gradients = step(*tensors)
    by_input, by_weight = gradients if weights else (gradients, ())
    if not isinstance(by_input, (tuple, list)):
        by_input = (by_input,)
    filled: list[np.ndarray | None] = [None] * len(tensors)
    for position, gradient in zip(positions, by_input, strict=True):
        filled[position] = gradient.asnumpy()
    named = {w.name: g.asnumpy() for w, g in zip(weights, by_weight, strict=True)}
    return [v.asnumpy() for v in values[1:]], filled, named
