"""The loss cells of the three stages.

Their arguments bear the names of `samples.DownscaleInput`, "truth" and those of `draws`; they give
(loss, diagnostics).
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.diffusion.noising import ForwardNoising, at_time, constant
from mindcast.diffusion.prediction import ToX0, TrainingTarget
from mindcast.layers.broadcast import multiply
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.inputs import channels_first
from mindcast.models.geodiff.losses import PHYSICS, TERMS, LossTerms, over_batch, over_samples
from mindcast.models.geodiff.residual_network import ResidualConditioning, ResidualNetwork
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics.statics import SIN_LATITUDE

Loss = tuple[Tensor, tuple[Tensor, ...]]


class FieldErrors(nn.Cell):
    """`LossTerms` with the weights that the settings ask for."""

    def __init__(self, settings: GeoDiffSettings) -> None:
        super().__init__()
        self.terms = LossTerms(settings.levels_hpa, settings.loss)
        self.by_area = settings.loss.area_weight

    def construct(
        self, predicted: Tensor, truth: Tensor, std: Tensor, weight: Tensor, statics: Tensor
    ) -> tuple[tuple[Tensor, Tensor], ...]:
        """predicted, truth (N, Z, H, W), reduced; weight (N, Z, H, W, 1); statics (N, H, W, 3)."""
        area = ops.ones((1, 1, 1, 1), predicted.dtype)
        if self.by_area:
            area = area_weights(statics)
        return self.terms(predicted, truth, std, weight.reshape(predicted.shape), area)


def reduced(temperature: Tensor) -> Tensor:
    """(N, Z, H, W, 1) K -> (N, Z, H, W), less 250 K."""
    return temperature.reshape(temperature.shape[:4]) - SHIFT_K


def mean_square(error: Tensor) -> Tensor:
    """Of (N, ...), without gradient; what is logged is its root."""
    square = ops.stop_gradient(error * error)
    return square.reshape(error.shape[0], error.shape[1], -1).mean(axis=2).mean(axis=1).mean()


def area_weights(statics: Tensor) -> Tensor:
    """cos(latitude) over its mean, (N, 1, H, W), from statics (N, H, W, 3)."""
    sine = statics[..., SIN_LATITUDE]
    cosine = ops.sqrt(ops.maximum(1.0 - sine * sine, 0.0))
    mean = cosine.mean(axis=2, keep_dims=True).mean(axis=1, keep_dims=True)
    return (cosine / mean).reshape(cosine.shape[0], 1, *cosine.shape[1:])


class DeterministicLoss(nn.Cell):
    """L = L_d + physics sum_i w_i J_i of T_det.

    Logged beside it: the errors (K) of T_det and of bicubic interpolation, and the share of pairs
    of levels that T_det makes unstable.
    """

    diagnostic_names = ("total", *TERMS, "rmse", "rmse_bicubic", "unstable")
    mean_squares = frozenset({"rmse", "rmse_bicubic"})

    def __init__(self, network: DeterministicNetwork, settings: GeoDiffSettings) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.errors = FieldErrors(settings)
        self.physics = settings.loss.physics

    def construct(
        self,
        temperature_lr: Tensor,
        priors_lr: Tensor,
        statics: Tensor,
        weight: Tensor,
        truth: Tensor,
    ) -> Loss:
        """See the head of the file."""
        bicubic = self.network.bicubic(temperature_lr, statics)
        predicted = self.network.from_bicubic(bicubic, priors_lr, statics)
        return self.of_prediction(predicted, bicubic, statics, weight, truth)

    def of_prediction(
        self,
        predicted: Tensor,
        bicubic: Tensor,
        statics: Tensor,
        weight: Tensor,
        truth: Tensor,
    ) -> Loss:
        """The same from T_det and U(T_lr), both (N, Z, H, W), reduced."""
        truth, std = reduced(truth), self.network.primary_statistics.std
        terms = self.errors(predicted, truth, std, weight, statics)
        values = ()
        for term in terms:
            values = (*values, over_batch(term))
        total = values[0] + self.physics * self.errors.terms.physics_total(values[1:])
        unstable = over_batch(self.errors.terms.unstable(predicted, weight.reshape(truth.shape)))
        errors = (mean_square(predicted - truth), mean_square(bicubic - truth))
        return total, (total, *values, *errors, unstable)


class ResidualDiffusionLoss(nn.Cell):
    """L = L_noise + physics mean_n abar_t L_p(T_det + scale sigma R^), R^ the clipped estimate.

    abar_t switches physics off where the estimate is noise. The four physics values are logged as
    they enter: means over samples of abar_t J. `joint`: gradients also flow into T_det.
    """

    diagnostic_names = ("total", "noise", *PHYSICS)

    def __init__(
        self,
        network: ResidualNetwork,
        deterministic: DeterministicNetwork,
        settings: GeoDiffSettings,
        joint: bool = False,
    ) -> None:
        super().__init__(auto_prefix=False)
        options = settings.diffusion
        process = options.process()
        self.network, self.deterministic, self.joint = network, deterministic, joint
        self.conditioning = ResidualConditioning(settings, deterministic, network)
        self.errors = FieldErrors(settings)
        self.add_noise = ForwardNoising(process)
        self.target = TrainingTarget(process, options.prediction)
        self.to_x0 = ToX0(process, options.prediction, options.clip_range)
        self.alpha_bar = constant(process.alpha_bar)
        self.scale, self.data_loss = options.scale, options.data_loss
        self.delta, self.physics = settings.loss.delta, settings.loss.physics

    def construct(
        self,
        temperature_lr: Tensor,
        wind_lr: Tensor,
        priors_lr: Tensor,
        statics: Tensor,
        metric: Tensor,
        weight: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        kept: Tensor,
    ) -> Loss:
        """t (N,) int32, noise (N, Z, H, W, 1), kept (N,) 0 where the conditioning is dropped, else
        1."""
        primary, conditioning, priors = self.conditioning(
            temperature_lr, wind_lr, priors_lr, statics, metric
        )
        if not self.joint:
            primary, conditioning = ops.stop_gradient(primary), ops.stop_gradient(conditioning)
        return self.of_primary(
            primary, conditioning, priors, statics, weight, truth, t, noise, kept
        )

    def of_primary(
        self,
        primary: Tensor,
        conditioning: Tensor,
        priors: Tensor,
        statics: Tensor,
        weight: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        kept: Tensor,
    ) -> Loss:
        """The same from what `ResidualConditioning` gives."""
        noise, truth = channels_first(noise), reduced(truth)
        kelvin = self.scale * self.network.residual_statistics.sigma.reshape(1, -1, 1, 1)
        x0 = multiply(truth - primary, ops.reciprocal(kelvin)).reshape(noise.shape)
        x = self.add_noise(x0, t, noise)
        features = self.network.features(priors, kept)
        output = self.network(x, t, self.network.masked(conditioning, kept), *features)
        data = self.distance(self.target(x0, t, noise) - output)
        residual = self.to_x0(output, x, t).reshape(primary.shape)
        estimate = primary + multiply(residual, kelvin)
        std = self.deterministic.primary_statistics.std
        terms = self.errors(estimate, truth, std, weight, statics)
        trust = at_time(self.alpha_bar, t, t)
        values = ()
        for term in terms[1:]:
            values = (*values, (trust * over_samples(term)).mean())
        total = data + self.physics * self.errors.terms.physics_total(values)
        return total, (total, data, *values)

    def distance(self, error: Tensor) -> Tensor:
        """Mean of |error|, its square, or sqrt(error^2 + delta^2)."""
        if self.data_loss == "l1":
            size = ops.abs(error)
        elif self.data_loss == "l2":
            size = error * error
        else:
            size = ops.sqrt(error * error + self.delta**2)
        return size.reshape(error.shape[0], error.shape[1], -1).mean(axis=2).mean(axis=1).mean()


class JointLoss(nn.Cell):
    """Both losses of one pass through D and E; gradients of the second also reach D."""

    diagnostic_names = (
        "total",
        *(f"deterministic/{name}" for name in DeterministicLoss.diagnostic_names),
        *(f"diffusion/{name}" for name in ResidualDiffusionLoss.diagnostic_names),
    )
    mean_squares = frozenset(f"deterministic/{name}" for name in DeterministicLoss.mean_squares)

    def __init__(
        self,
        network: ResidualNetwork,
        deterministic: DeterministicNetwork,
        settings: GeoDiffSettings,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.field = DeterministicLoss(deterministic, settings)
        self.residual = ResidualDiffusionLoss(network, deterministic, settings, joint=True)

    def construct(
        self,
        temperature_lr: Tensor,
        wind_lr: Tensor,
        priors_lr: Tensor,
        statics: Tensor,
        metric: Tensor,
        weight: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        kept: Tensor,
    ) -> Loss:
        """Arguments as those of `ResidualDiffusionLoss`."""
        primary, conditioning, priors = self.residual.conditioning(
            temperature_lr, wind_lr, priors_lr, statics, metric
        )
        bicubic = self.field.network.bicubic(temperature_lr, statics)
        first, field = self.field.of_prediction(primary, bicubic, statics, weight, truth)
        second, residual = self.residual.of_primary(
            primary, conditioning, priors, statics, weight, truth, t, noise, kept
        )
        total = first + second
        return total, (total, *field, *residual)
