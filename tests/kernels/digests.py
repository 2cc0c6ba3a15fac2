"""`python -m tests.kernels.digests`: a hash of what every case gives, values and gradients.

Each case comes with a dropout besides, whose mask is a function of input and seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import mindspore as ms
import numpy as np

from mindcast.layers.dropout import Dropout
from tests.kernels.attention import ATTENTIONS
from tests.kernels.cases import CASES, outcome


def digest(arrays: Iterable[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def dropped() -> np.ndarray:
    ms.set_seed(3)
    cell = Dropout(0.3).set_train(True)
    x = np.random.default_rng(0).normal(size=(65, 37)).astype(np.float32)
    return cell(ms.Tensor(x)).asnumpy()


if __name__ == "__main__":
    ms.set_device("CPU")
    for name, case in CASES.items():
        print(f"{name}: {digest(outcome(case, case.inputs()))}")
    for name, problem in ATTENTIONS.items():
        print(f"{name}: {digest(problem.outcome())}")
    print(f"dropout: {digest([dropped()])}")
