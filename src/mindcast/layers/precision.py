"""Networks whose products are computed in float16 or bfloat16, all else in float32.

What takes the time are products of matrices and convolutions. Their operands are rounded on the way
in and their results come out as float32; so weights, norms, softmax, activations, positions and
losses stay what they are (Micikevicius et al. 2018, mixed precision training). `recompute` and the
gradients see the casts as operators like any other.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops

from mindcast.layers.dense import Dense
from mindcast.layers.fused_convolution import FusedConvolution

NUMBER_TYPES = {"float16": ms.float16, "bfloat16": ms.bfloat16}
PRODUCTS = (ops.MatMul, ops.BatchMatMul, ops.Conv2D, ops.Conv3D, ops.Conv2DTranspose)


class LowerProduct(nn.Cell):
    """A product of two tensors, an operator or a cell, computed in another number type than theirs.

    Sums run as the device does them for that type: with float32 on Ascend and GPU.
    """

    def __init__(self, product: Any, number_type: str) -> None:
        super().__init__(auto_prefix=False)
        self.product = product
        self.kind = NUMBER_TYPES[number_type]

    def construct(self, one: Tensor, other: Tensor, *further: int) -> Tensor:
        """Of the operands' shapes; the result is of the type of the first."""
        product = self.product(one.astype(self.kind), other.astype(self.kind), *further)
        return product.astype(one.dtype)


def lower(network: nn.Cell, number_type: str) -> None:
    """Compute every product within a network in "float16" or "bfloat16", or leave it ("float32").

    Its parameters keep type, name and value. Convolutions leave their fused kernels, which are of
    float32, for the public operators. Other cells with a gradient of their own stay as they are:
    norms and softmax, kernels of whole attentions; so do cells with the attribute `in_float32`.
    """
    if number_type != "float32":
        _lower_within(network, number_type)


def _lower_within(cell: nn.Cell, number_type: str) -> None:
    if isinstance(cell, LowerProduct) or hasattr(cell, "bprop") or hasattr(cell, "in_float32"):
        return
    if isinstance(getattr(cell, "fused", None), FusedConvolution):
        cell.fused = None
    members = {name: part for name, part in vars(cell).items() if isinstance(part, PRODUCTS)}
    children = cell.name_cells()
    if isinstance(cell, Dense) and not isinstance(cell.product, LowerProduct):
        members["product"] = children.pop("product")  # may have a gradient of its own
    for name, part in members.items():
        delattr(cell, name)
        setattr(cell, name, LowerProduct(part, number_type))
    for child in children.values():
        _lower_within(child, number_type)
