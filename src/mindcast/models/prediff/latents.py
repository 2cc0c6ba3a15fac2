"""Frames to latents and back: the frozen autoencoder, applied to every frame of a sequence."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.motion.moved import VALUE


class FrameLatents(nn.Cell):
    """Sequences (N, T, H, W, C) <-> latents (N, T, h, w, c), through an `Autoencoder`.

    Latents that are diffused are multiplied by `scale_factor`, those of known frames are not. No
    gradient passes into the autoencoder.
    """

    def __init__(self, autoencoder: nn.Cell, scale_factor: float = 1.0) -> None:
        super().__init__(auto_prefix=False)
        self.autoencoder, self.scale_factor = autoencoder, scale_factor

    def moments(self, frames: Tensor) -> Tensor:
        """Posterior means and log-variances, in one: (N, T, h, w, 2 c)."""
        both = ops.cat(self.autoencoder.encode(_fold(frames)), 1)
        return ops.stop_gradient(_unfold(both, frames.shape[0]))

    def known(self, moments: Tensor) -> Tensor:
        """The latents that stand for frames that are known: their posterior means, not scaled."""
        return ops.chunk(moments, 2, 4)[0]

    def drawn(self, moments: Tensor, noise: Tensor) -> Tensor:
        """Scaled posterior samples for normal noise (N*T, c, h, w), frames varying fastest."""
        mean, logvar = ops.chunk(moments, 2, 4)
        noise = _unfold(noise, moments.shape[0])
        return self.autoencoder.sample(mean, logvar, noise) * self.scale_factor

    def means(self, frames: Tensor) -> Tensor:
        """`known` latents of frames."""
        return self.known(self.moments(frames))

    def guides(self, moved: Tensor) -> Tensor:
        """What motion gives the denoiser of frames (N, T, H, W, MOVED_CHANNELS), see
        `PreDiffSettings.guide_channels`: (N, T, h, w, channels), latents first, not scaled."""
        latents = self.means(moved[..., VALUE : VALUE + 1])
        n, t, h, w, _ = latents.shape
        rows, columns = moved.shape[2] // h, moved.shape[3] // w
        others = moved[..., VALUE + 1 :].reshape(n, t, h, rows, w, columns, -1)
        return ops.cat((latents, others.mean(axis=5).mean(axis=3)), 4)

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, T, H, W, C) of scaled latents, not clipped."""
        frames = self.autoencoder.decode(_fold(latents / self.scale_factor))
        return _unfold(frames, latents.shape[0])


class FrameMoments(nn.Cell):
    """`FrameLatents.moments` of single frames: (n, H, W, C) -> (n, h, w, 2 c)."""

    def __init__(self, autoencoder: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.latents = FrameLatents(autoencoder)

    def construct(self, frames: Tensor) -> Tensor:
        return self.latents.moments(frames.expand_dims(0))[0]


def _fold(x: Tensor) -> Tensor:
    """(N, T, H, W, C) -> (N*T, C, H, W)."""
    return x.reshape(-1, *x.shape[2:]).transpose(0, 3, 1, 2)


def _unfold(x: Tensor, samples: int) -> Tensor:
    """(N*T, C, H, W) -> (N, T, H, W, C)."""
    x = x.transpose(0, 2, 3, 1)
    return x.reshape(samples, -1, *x.shape[1:])
