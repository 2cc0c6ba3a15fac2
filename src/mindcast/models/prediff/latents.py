"""Frames to latents and back: the frozen autoencoder, applied to every frame of a sequence."""

from __future__ import annotations

from mindspore import Tensor, nn, ops


class FrameLatents(nn.Cell):
    """Sequences (N, T, H, W, C) <-> latents (N, T, h, w, c), through an `Autoencoder`.

    Latents that are diffused are multiplied by `scale_factor`, those of known frames are not. No
    gradient passes into the autoencoder.
    """

    def __init__(self, autoencoder: nn.Cell, scale_factor: float = 1.0) -> None:
        super().__init__(auto_prefix=False)
        self.autoencoder, self.scale_factor = autoencoder, scale_factor

    def means(self, frames: Tensor) -> Tensor:
        """Posterior means, not scaled, which stand for frames that are known."""
        mean, _ = self.autoencoder.encode(_fold(frames))
        return ops.stop_gradient(_unfold(mean, frames.shape[0]))

    def samples(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Scaled posterior samples for normal noise (N*T, c, h, w), frames varying fastest."""
        mean, logvar = self.autoencoder.encode(_fold(frames))
        drawn = _unfold(self.autoencoder.sample(mean, logvar, noise), frames.shape[0])
        return ops.stop_gradient(drawn * self.scale_factor)

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, T, H, W, C) of scaled latents, not clipped."""
        frames = self.autoencoder.decode(_fold(latents / self.scale_factor))
        return _unfold(frames, latents.shape[0])


def _fold(x: Tensor) -> Tensor:
    """(N, T, H, W, C) -> (N*T, C, H, W)."""
    return x.reshape(-1, *x.shape[2:]).transpose(0, 3, 1, 2)


def _unfold(x: Tensor, samples: int) -> Tensor:
    """(N*T, C, H, W) -> (N, T, H, W, C)."""
    x = x.transpose(0, 2, 3, 1)
    return x.reshape(samples, -1, *x.shape[1:])
