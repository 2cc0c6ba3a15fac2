"""The network of knowledge alignment: what a noisy latent sequence will amount to."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.diffusion.noising import at_time, constant
from mindcast.diffusion.process import DiffusionProcess
from mindcast.layers.attention_pool import AttentionPool
from mindcast.layers.norm import GroupNorm
from mindcast.layers.permute import make_permute
from mindcast.models.prediff.pyramid import CuboidPyramid
from mindcast.models.prediff.settings import AlignmentSettings, Shape

MOST_GROUPS = 32


class AlignmentNetwork(CuboidPyramid):
    """Mean intensity, per frame or of the whole sequence, read from a noisy latent and its step.

    input_shape: (T, H, W, C). out_frames: how many frames, counted from the last, are read
    (None: all). Differs: the reference accepts the context as well and ignores it.
    """

    def __init__(
        self, settings: AlignmentSettings, input_shape: Shape, out_frames: int | None = None
    ) -> None:
        super().__init__(settings, input_shape[:3], input_shape[3])
        frames, height, width = self.shapes[-1]
        units = settings.units[-1]
        self.per_frame = settings.read_out_per_frame
        self.out_frames = out_frames or frames
        tokens = height * width * (1 if self.per_frame else self.out_frames)
        pool = AttentionPool(units, tokens, settings.out_channels, settings.heads)
        groups = min(units, MOST_GROUPS)
        # numbered as in the reference: its SiLU is in the norm
        norm = GroupNorm(groups, units, silu=True)
        self.out = nn.SequentialCell(norm, nn.Identity(), pool)
        self.to_channels_first = make_permute(0, 2, 1)

    def construct(self, z: Tensor, t: Tensor) -> Tensor:
        """z (N, T, H, W, C) at steps t (N,) -> (N, out_frames, out_channels), or without frames."""
        x = self.descend(self.embedded(z), self.time_embed(t))[self.levels - 1]
        x = x[:, -self.out_frames :]
        n, frames, channels = x.shape[0], x.shape[1], x.shape[4]
        sets = n * frames if self.per_frame else n
        out = self.out(self.to_channels_first(x.reshape(sets, -1, channels)))
        return out.reshape(n, frames, -1) if self.per_frame else out


class OfDifference(nn.Cell):
    """The same network for a noisy difference of latents to those of the extrapolated frames.

    What it was trained on, s f z + r noise, is the noisy difference s f (z - z') + r noise, moved
    by s f z'; f is `DiffusionSettings.scale_factor`. So the alignment is trained once for both.
    """

    def __init__(self, network: nn.Cell, process: DiffusionProcess, scale_factor: float) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.signal = constant(scale_factor * process.sqrt_alpha_bar)

    def construct(self, z: Tensor, t: Tensor, context: Tensor, guide: Tensor) -> Tensor:
        """z (N, T, h, w, c) at steps t (N,); guide: the denoiser's, the latents z' first."""
        start = guide[..., : z.shape[4]]
        return self.network(z + at_time(self.signal, t, z) * start, t)
