"""The position-wise feed-forward block."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers import initialise
from mindcast.layers.activation import make_activation
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import LayerNorm


class FeedForward(nn.Cell):
    """x + W2 act(W1 LN(x)), starting as the identity.

    gated: act(W1' y) * W1 y in place of act(W1 y). pre_norm False: LN(x + W2 act(W1 x)).
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        activation: str = "gelu",
        gated: bool = False,
        dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        pre_norm: bool = True,
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.ffn_1 = initialise.start_normal(Dense(channels, hidden))
        self.ffn_1_gate = initialise.start_normal(Dense(channels, hidden)) if gated else None
        self.ffn_2 = initialise.start_zero(Dense(hidden, channels))
        self.layer_norm = LayerNorm(channels)
        self.activation = make_activation(activation)
        self.dropout = make_dropout(dropout)
        self.hidden_dropout = make_dropout(hidden_dropout)

    def construct(self, x: Tensor) -> Tensor:
        """(..., channels) -> the same shape; rows (tokens, channels) are fastest."""
        y = self.layer_norm(x) if self.pre_norm else x
        if self.ffn_1_gate is None:
            hidden = self.activation(self.ffn_1(y))
        else:
            hidden = self.activation(self.ffn_1_gate(y)) * self.ffn_1(y)
        y = x + self.dropout(self.ffn_2(self.hidden_dropout(hidden)))
        return y if self.pre_norm else self.layer_norm(y)
