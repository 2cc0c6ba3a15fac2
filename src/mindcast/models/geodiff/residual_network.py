"""The denoiser of the residual R = (T - T_det) / (scale sigma), and what it is conditioned on."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.broadcast import multiply
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.hr_priors import FinePriors
from mindcast.models.geodiff.inputs import Channels, channels_first
from mindcast.models.geodiff.positions import level_positions
from mindcast.models.geodiff.prior_encoder import PriorEncoder
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.statistics import FLAG, PRIORS, ResidualStatistics
from mindcast.models.geodiff.unet3d import UNet3d
from mindcast.models.geodiff.upsampling import upsample

CONDITION_FIELDS = 2  # U(T_lr) and T_det


class ResidualNetwork(nn.Cell):
    """E(R_t, t; conditioning), with the encoder of its priors and its statistics.

    Where the conditioning is dropped in training, one more channel holds a learned number on the
    samples without it, 0 on the others.
    """

    def __init__(self, settings: GeoDiffSettings) -> None:
        super().__init__()
        unet, levels = settings.denoiser, np.asarray(settings.levels_hpa)
        self.channels = Channels(settings.levels_hpa, settings.statics)
        self.null_flag = None
        channels = 1 + self.channels.count(CONDITION_FIELDS)
        if settings.diffusion.conditioning_dropout > 0:
            ones = Tensor(np.ones(1, np.float32))
            self.null_flag = Parameter(ones, name="residual_null_flag")
            channels += 1
        positions = level_positions(levels, unet.level_coordinate)
        self.denoise_fn = UNet3d(unet, channels, 1, positions)
        self.residual_priors = PriorEncoder(unet, PRIORS + 1) if settings.priors.use else None
        self.residual_statistics = ResidualStatistics(len(levels), settings.priors.limit)

    def construct(self, x: Tensor, t: Tensor, conditioning: Tensor, *features: Tensor) -> Tensor:
        """x (N, Z, 1, H, W), t (N,) int32, conditioning (N, Z, C, H, W), features of the priors."""
        folded = ()
        for feature in features:
            folded = (*folded, feature.reshape(-1, *feature.shape[2:]))
        return self.denoise_fn(ops.cat((x, conditioning), 2), t, folded)

    def masked(self, conditioning: Tensor, kept: Tensor) -> Tensor:
        """The conditioning, all zero but the flag where kept (N,) is 0."""
        if self.null_flag is None:
            return conditioning
        kept = kept.reshape(-1, 1, 1, 1, 1)
        flag = multiply(ops.ones_like(conditioning[:, :, :1]), (1 - kept) * self.null_flag)
        return ops.cat((multiply(conditioning, kept), flag), 2)

    def features(self, priors: Tensor, kept: Tensor) -> tuple[Tensor, ...]:
        """Of standardised priors (N, Z, 7, H, W), which are zero where kept (N,) is 0; each
        (N, Z, C, h, w)."""
        if self.residual_priors is None:
            return ()
        features = ()
        for folded in self.residual_priors(multiply(priors, kept.reshape(-1, 1, 1, 1, 1))):
            features = (*features, folded.reshape(*priors.shape[:2], *folded.shape[1:]))
        return features


class ResidualConditioning(nn.Cell):
    """From a sample's arrays: T_det, the conditioning and the priors of the denoiser.

    No gradient flows back through the priors.
    """

    def __init__(
        self,
        settings: GeoDiffSettings,
        deterministic: DeterministicNetwork,
        network: ResidualNetwork,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.deterministic, self.network = deterministic, network
        self.priors = FinePriors(settings.levels_hpa)
        self.factor = settings.factor

    def construct(
        self,
        temperature_lr: Tensor,
        wind_lr: Tensor,
        priors_lr: Tensor,
        statics: Tensor,
        metric: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `samples.DownscaleInput` for the arrays. Gives T_det (N, Z, H, W), reduced,
        the conditioning (N, Z, C, H, W) and the standardised priors (N, Z, 7, H, W)."""
        bicubic = self.deterministic.bicubic(temperature_lr, statics)
        primary = self.deterministic.from_bicubic(bicubic, priors_lr, statics)
        return (primary, *self.of_primary(primary, bicubic, wind_lr, priors_lr, statics, metric))

    def of_primary(
        self,
        primary: Tensor,
        bicubic: Tensor,
        wind_lr: Tensor,
        priors_lr: Tensor,
        statics: Tensor,
        metric: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Conditioning and priors from T_det and U(T_lr), both (N, Z, H, W), reduced."""
        normalised = self.deterministic.primary_statistics.normalised
        conditioning = self.network.channels(statics, normalised(bicubic), normalised(primary))
        priors, flag = self.raw_priors(primary, wind_lr, priors_lr, metric)
        standard = self.network.residual_statistics.standardised(priors, flag)
        flags = multiply(ops.ones_like(standard[:, :, :1]), flag)
        return conditioning, ops.stop_gradient(ops.cat((standard, flags), 2))

    def raw_priors(
        self, primary: Tensor, wind_lr: Tensor, priors_lr: Tensor, metric: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Priors (N, Z, 6, H, W) of T_det, not standardised, and the flag (N, 1, 1, 1, 1)."""
        height, width = primary.shape[-2:]
        wind = upsample(channels_first(wind_lr), self.factor, height, width)
        flag = priors_lr[:, :1, :1, :1, FLAG:]
        return self.priors(ops.stop_gradient(primary), wind, metric), flag
