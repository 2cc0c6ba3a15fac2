"""The transposed convolution, parameters `weight` and `bias` in PyTorch's shapes."""

from __future__ import annotations

from mindspore import nn

from mindcast.layers import initialise


class Conv2dTranspose(nn.Conv2dTranspose):
    """(N, in_channels, H, W) -> (N, out_channels, H', W'), H' = (H - 1) s + k - 2 p + extra.

    kernel k, stride s, padding p: of the convolution that this is the adjoint of. extra: rows and
    columns that the cut at the bottom and the right leaves in place, at most `padding`.

    Differs: MindSpore's `output_padding` fills these with zeros; here they hold the values that
    the definition gives them. `weight` is (in_channels, out_channels, k, k); it and `bias` start
    uniform in +-1/sqrt(out_channels k^2), PyTorch's default.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        extra: int = 0,
    ) -> None:
        if extra > padding:
            raise ValueError(f"{extra=}, expected at most {padding=}")
        fan_in = out_channels * kernel * kernel
        far = padding - extra
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride,
            "pad",
            (padding, far, padding, far),
            has_bias=True,
            weight_init="zeros",
            bias_init="zeros",
        )
        initialise.start_uniform(self, fan_in)
