"""The primary field T_det = U(T_lr) + s D(inputs): bicubic interpolation, corrected by a U-Net."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.broadcast import multiply
from mindcast.models.geodiff.inputs import Channels, channels_first
from mindcast.models.geodiff.positions import level_positions
from mindcast.models.geodiff.prior_encoder import PriorEncoder
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.statistics import FLAG, PRIORS, FieldStatistics
from mindcast.models.geodiff.unet3d import UNet3d
from mindcast.models.geodiff.upsampling import SHIFT_K, upsample


class DeterministicNetwork(nn.Cell):
    """D and what it needs. The last convolution starts at zero: untrained, T_det is U(T_lr).

    Its parameters begin with `primary`, so that they stand beside the denoiser's in one loss.
    """

    def __init__(self, settings: GeoDiffSettings) -> None:
        super().__init__()
        unet, levels = settings.deterministic, np.asarray(settings.levels_hpa)
        self.factor = settings.factor
        self.channels = Channels(settings.levels_hpa, settings.statics)
        positions = level_positions(levels, unet.level_coordinate)
        self.primary = UNet3d(unet, self.channels.count(1), 1, positions, with_step=False)
        initialise.start_zero(self.primary.final_conv[1])
        self.primary_priors = PriorEncoder(unet, PRIORS + 1) if settings.priors.use else None
        self.primary_statistics = FieldStatistics(len(levels), settings.priors.limit)

    def construct(self, temperature_lr: Tensor, priors_lr: Tensor, statics: Tensor) -> Tensor:
        """(N, Z, h, w, 1) K, (N, Z, h, w, 7), (N, H, W, 3) -> T_det - 250 K (N, Z, H, W)."""
        return self.from_bicubic(self.bicubic(temperature_lr, statics), priors_lr, statics)

    def bicubic(self, temperature_lr: Tensor, statics: Tensor) -> Tensor:
        """U(T_lr) - 250 K, (N, Z, h, w, 1) K on the grid of the statics, (N, Z, H, W)."""
        coarse = temperature_lr.reshape(temperature_lr.shape[:4]) - SHIFT_K
        return upsample(coarse, self.factor, statics.shape[1], statics.shape[2])

    def from_bicubic(self, bicubic: Tensor, priors_lr: Tensor, statics: Tensor) -> Tensor:
        """T_det from U(T_lr), both (N, Z, H, W), reduced."""
        return self.corrected(bicubic, self.fine_priors(priors_lr, statics), statics)

    def corrected(self, bicubic: Tensor, fine_priors: Tensor, statics: Tensor) -> Tensor:
        """The same with `fine_priors` (N, Z, 7, H, W): all inputs of D are on the fine grid."""
        statistics = self.primary_statistics
        features = ()
        if self.primary_priors is not None:
            features = self.primary_priors(fine_priors)
        volume = self.channels(statics, statistics.normalised(bicubic))
        correction = self.primary(volume, None, features).reshape(bicubic.shape)
        return bicubic + multiply(correction, statistics.std.reshape(1, -1, 1, 1))

    def fine_priors(self, priors_lr: Tensor, statics: Tensor) -> Tensor:
        """Coarse priors and flag, standardised there, then upsampled: (N, Z, 7, H, W)."""
        priors = channels_first(priors_lr)
        flag = priors[:, :, FLAG:]
        standard = self.primary_statistics.standardised(priors[:, :, :PRIORS], flag)
        coarse = ops.cat((standard, flag), 2)
        return upsample(coarse, self.factor, statics.shape[1], statics.shape[2])
