"""Which form of a layer suits the device that the operators will run on."""

from __future__ import annotations

import mindspore as ms


def on_cpu() -> bool:
    """Whether the operators that follow will run on the CPU."""
    return ms.get_context("device_target") == "CPU"


@ms.constexpr
def exact_product() -> bool:
    """Products with 0/1 matrices are exact on CPU; elsewhere the factors may be rounded first."""
    return on_cpu()
