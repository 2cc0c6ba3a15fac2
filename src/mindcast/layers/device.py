"""Which form of a layer suits the device that the operators will run on."""

from __future__ import annotations

from contextlib import AbstractContextManager

import mindspore as ms

from mindcast.kernels.operators import public_operators


def on_cpu() -> bool:
    """Whether the operators that follow will run on the CPU."""
    return ms.get_context("device_target") == "CPU"


@ms.constexpr
def exact_product() -> bool:
    """Products with 0/1 matrices are exact on CPU; elsewhere the factors may be rounded first."""
    return on_cpu()


def differentiable_twice() -> AbstractContextManager[None]:
    """Layers that are built inside may stand in a gradient that is differentiated again.

    They are made of public operators: MindSpore does not compile a gradient of the gradient that a
    cell defines, even where nothing flows through it.
    """
    return public_operators()
