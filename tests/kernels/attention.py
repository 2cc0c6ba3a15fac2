"""Problems for the attention kernel, and its formula in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindcast.layers.set_attention import SetAttention

HEADS, SAMPLES = 2, 3
LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Problem:
    """Sets of `volume` places with `rows` tokens in all, heads of `depth` features."""

    volume: int = 3
    sets: int = 4
    depth: int = 5
    empty: int = 0
    biased: bool = False
    masked: bool = False
    turned: bool = False
    alone: bool = False
    dropout: float = 0.0
    scale: float = 0.6
    arrays: dict[str, np.ndarray] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.volume)
        places, v = self.sets * self.volume, self.volume
        rows = places - self.empty
        order = rng.permutation(places)  # numbers of `rows` and more are the empty places
        angles = rng.uniform(0, 6, (v, self.depth // 2)).repeat(2, 1)
        still = np.zeros((v, self.depth - angles.shape[1]))  # an odd feature stays
        angles = np.concatenate((angles, still), 1)
        mask = np.where(rng.random((self.sets, v, v)) < 0.3, -1e18, 0.0)
        mask[:, np.arange(v), np.arange(v)] = 0
        object.__setattr__(
            self,
            "arrays",
            {
                "rows": rng.normal(size=(SAMPLES, rows, 3 * HEADS * self.depth)),
                "members": order.reshape(self.sets, v).astype(np.int32),
                "bias": rng.normal(size=(HEADS, v, v)),
                "mask": mask,
                "turns": np.stack((np.cos(angles), np.sin(angles)), 1),
                "alone": np.array([0.0, 1.0, 0.0]),
                "cotangent": rng.normal(size=(SAMPLES, rows, HEADS * self.depth)),
            },
        )

    def layer(self) -> SetAttention:
        ms.set_seed(5)
        given = {"mask": self.masked, "turns": self.turned}
        extra = {name: self.arrays[name] for name, used in given.items() if used}
        layer = SetAttention(HEADS, self.scale, dropout=self.dropout, **extra)
        return layer.set_train(bool(self.dropout))

    def inputs(self) -> list[Tensor | None]:
        """What the layer takes; the bias is the third."""
        a = self.arrays
        bias = Tensor(a["bias"].astype(np.float32)) if self.biased else None
        alone = Tensor(a["alone"].astype(np.float32)) if self.alone else None
        return [Tensor(a["rows"].astype(np.float32)), Tensor(a["members"]), bias, alone]

    def outcome(self, compiled: bool = False) -> list[np.ndarray]:
        """Result, and the gradients for rows and bias of its sum weighted with the cotangent."""
        layer, (rows, members, bias, alone) = self.layer(), self.inputs()
        fixed = Tensor(self.arrays["cotangent"].astype(np.float32))

        def loss(rows, bias):
            y = layer(rows, members, bias, alone)
            return (y * fixed).sum(), y

        step = ms.value_and_grad(loss, (0, 1) if self.biased else 0, has_aux=True)
        (_, y), gradients = (ms.jit(step) if compiled else step)(rows, bias)
        gradients = gradients if self.biased else (gradients,)
        return [tensor.asnumpy() for tensor in (y, *gradients)]

    def formula(
        self, rows: np.ndarray, bias: np.ndarray, factors: np.ndarray | None = None
    ) -> np.ndarray:
        """softmax(scale Q K^T + bias + mask) V in float64; factors (N, S, heads, V, V): dropout."""
        n, count, v, a = len(rows), rows.shape[1], self.volume, self.arrays
        table = np.concatenate((rows, np.zeros((n, self.empty, rows.shape[2]))), 1)
        qkv = table[:, a["members"]].reshape(n, self.sets, v, 3, HEADS, self.depth)
        query, key, value = np.moveaxis(qkv, (3, 4), (0, 3))  # (N, S, heads, V, D) each
        if self.turned:
            query, key = self._turned(query), self._turned(key)
        scores = self.scale * query @ key.swapaxes(-1, -2)
        scores = scores + bias if self.biased else scores
        scores = scores + a["mask"][:, None] if self.masked else scores
        if self.alone:
            others = LOWEST * (1 - np.eye(v))
            scores = scores + a["alone"].reshape(-1, 1, 1, 1, 1) * others
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights if factors is None else weights * factors) @ value
        result = np.zeros((n, count + self.empty, HEADS * self.depth))
        result[:, a["members"]] = np.moveaxis(mixed, 2, 3).reshape(n, self.sets, v, -1)
        return result[:, :count]

    def _turned(self, x: np.ndarray) -> np.ndarray:
        """Feature pairs (2 i, 2 i + 1) as complex numbers times those of the angles."""
        pairs = self.depth // 2 * 2
        turns = self.arrays["turns"][:, :, :pairs:2]
        number = (x[..., :pairs:2] + 1j * x[..., 1:pairs:2]) * (turns[:, 0] + 1j * turns[:, 1])
        result = x.copy()
        result[..., :pairs:2], result[..., 1:pairs:2] = number.real, number.imag
        return result


ATTENTIONS: dict[str, Problem] = {
    "attention": Problem(),
    "attention of one token": Problem(volume=1, sets=5),
    "attention with bias": Problem(volume=17, sets=2, biased=True),
    "attention with mask": Problem(volume=5, masked=True, biased=True),
    "attention with turns": Problem(volume=4, depth=6, turned=True, biased=True),
    "attention with turns of odd features": Problem(volume=3, depth=5, turned=True),
    "attention alone": Problem(volume=3, depth=8, alone=True, biased=True, turned=True),
    "attention with empty places": Problem(volume=6, sets=3, depth=16, empty=5, biased=True),
    "attention of all": Problem(
        volume=7, depth=18, empty=3, biased=True, masked=True, turned=True, alone=True
    ),
}
