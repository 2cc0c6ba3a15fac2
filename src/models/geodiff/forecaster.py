"""Fine temperature from a trained GeoDiff: the deterministic field, and members around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.config.schema import Sampling
from src.diffusion.sampling import (
    MemberNoise,
    Rows,
    SamplingStep,
    function_of,
    member_batches,
    sample,
)
from src.models.geodiff.residual_network import ResidualConditions
from src.models.geodiff.settings import GeoDiffSettings
from src.models.geodiff.upsampling import SHIFT_K
from src.physics.resample import bicubic, enforce_block_mean
from src.refusal import Refusal

DETERMINISTIC, SAMPLED = "geodiff-det", "geodiff"
NAMES = ("temperature_lr", "wind_lr", "priors_lr", "statics", "metric", "weight")


class GeoDiffForecaster:
    """See `models.base.Forecaster`. "geodiff-det" is T_det, "geodiff" the ensemble, which exists
    where the denoiser does. Networks of the stage "joint" are preferred where they are given.

    Differs: a domain is sampled whole; overlapping tiles for domains beyond the memory are not
    offered.
    """

    deterministic = (DETERMINISTIC,)

    def __init__(
        self,
        settings: GeoDiffSettings,
        networks: Mapping[str, nn.Cell],
        sampling: Sampling,
        seed: int,
        compiled: bool,
    ) -> None:
        self.settings, self.sampling, self.seed = settings, sampling, seed
        for network in networks.values():
            network.set_train(False)
        joint = networks.get("joint")
        primary = joint.deterministic if joint else networks["deterministic"]
        denoiser = joint.diffusion if joint else networks.get("diffusion")

        # functions with a name: graph mode cannot read a lambda within a call
        def primary_field(temperature_lr, priors_lr, statics):
            return primary(temperature_lr, priors_lr, statics) + SHIFT_K

        self.primary = function_of(primary_field, compiled)
        self.step = None
        if denoiser is not None:
            self._prepare_sampling(primary, denoiser, compiled)

    def _prepare_sampling(self, primary: nn.Cell, denoiser: nn.Cell, compiled: bool) -> None:
        options = self.settings.diffusion
        self.plan = options.plan(self.sampling)
        self.kelvin = options.scale * denoiser.residual_statistics.sigma.asnumpy()
        conditions = ResidualConditions(self.settings, primary, denoiser)
        guided = options.guidance != 1

        def prepared(*arrays):
            field, condition, priors = conditions(*arrays)
            shown = ops.ones((field.shape[0],), ms.float32)
            seen = (denoiser.hidden(condition, shown), *denoiser.features(priors, shown))
            if guided:
                none = ops.zeros_like(shown)
                seen = (*seen, denoiser.hidden(condition, none), *denoiser.features(priors, none))
            return (field + SHIFT_K, *seen)

        denoise = Guided(denoiser, options.guidance) if guided else denoiser
        step = SamplingStep(denoise, options.process(), options.prediction, options.limits)
        self.prepare, self.step = function_of(prepared, compiled), function_of(step, compiled)

    @property
    def methods(self) -> tuple[str, ...]:
        """The forecasts that this one can make."""
        return (DETERMINISTIC,) if self.step is None else (DETERMINISTIC, SAMPLED)

    def bicubic(self, temperature_lr: np.ndarray) -> np.ndarray:
        """U(T_lr), (N, Z, h, w, 1) -> (N, Z, H, W), K: what there is to improve on."""
        return bicubic(temperature_lr[..., 0], self.settings.factor).astype(np.float32)

    def forecast(
        self,
        method: str,
        conditioning: tuple[np.ndarray, ...],
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`; K. The truth is not looked at."""
        self._require_shapes(conditioning)
        cases = range(len(conditioning[0]))
        if method == DETERMINISTIC:
            fields = [self._deterministic(conditioning, case) for case in cases]
            forecast = np.concatenate(fields)[:, None]
        else:
            forecast = self._ensemble(conditioning, keys, members, progress)
        if self.settings.enforce_lr_mean:
            coarse = conditioning[0][:, None, ..., 0]
            forecast = enforce_block_mean(forecast, coarse).astype(np.float32)
        return forecast[..., None]

    def _deterministic(self, conditioning: tuple[np.ndarray, ...], case: int) -> np.ndarray:
        """T_det (1, Z, H, W) of one case."""
        coarse, _, priors, statics = (Tensor(a[case : case + 1]) for a in conditioning[:4])
        return self.primary(coarse, priors, statics).asnumpy()

    def _ensemble(
        self,
        conditioning: tuple[np.ndarray, ...],
        keys: Sequence[int],
        members: int,
        progress: Callable[[int], None] | None,
    ) -> np.ndarray:
        """(N, M, Z, H, W); what does not depend on the member is computed once a case."""
        cases = range(len(conditioning[0]))
        prepared = [self._prepared(conditioning, case) for case in cases]
        fields: list[np.ndarray] = []
        for count, rows in member_batches(len(cases), members, self.sampling.batch_size):
            fields += self._run(count, rows, keys, prepared, progress)
        return np.stack(fields).reshape(len(cases), members, *fields[0].shape)

    def _prepared(self, conditioning: tuple[np.ndarray, ...], case: int) -> tuple[np.ndarray, ...]:
        """T_det, and all that the step takes after the noise, of one case."""
        inputs = [Tensor(array[case : case + 1]) for array in conditioning[:5]]
        return tuple(output.asnumpy() for output in self.prepare(*inputs))

    def _run(
        self,
        count: int,
        rows: Rows,
        keys: Sequence[int],
        prepared: Sequence[tuple[np.ndarray, ...]],
        progress: Callable[[int], None] | None,
    ) -> list[np.ndarray]:
        """Fields (Z, H, W) of the first `count` rows."""
        named = [(int(keys[case]), member) for case, member in rows]
        primary = np.concatenate([prepared[case][0] for case, _ in rows])
        seen = zip(*(prepared[case][1:] for case, _ in rows), strict=True)
        inputs = [Tensor(np.concatenate(parts)) for parts in seen]
        _, levels, height, width = primary.shape
        noise = MemberNoise(self.seed, named, (levels, 1, height, width))
        done = None if progress is None else lambda _: progress(count)
        residual = sample(self.step, self.plan, noise, inputs, done)
        fields = primary + self.kelvin.reshape(1, -1, 1, 1) * residual[:, :, 0]
        return list(fields[:count].astype(np.float32))

    def _require_shapes(self, conditioning: tuple[np.ndarray, ...]) -> None:
        """Every array must fit the statics, whose H and W must fit the networks."""
        settings, levels = self.settings, len(self.settings.levels_hpa)
        if not isinstance(conditioning, tuple) or len(conditioning) != len(NAMES):
            raise Refusal(f"forecast: expected the {len(NAMES)} arrays {', '.join(NAMES)}")
        cases, statics = len(conditioning[0]), conditioning[3]
        multiple = settings.multiple
        if statics.ndim != 4 or statics.shape[1] % multiple or statics.shape[2] % multiple:
            raise Refusal(f"forecast: statics has got={statics.shape}, expected (N, H, W, 3) with "
                          f"H and W multiples of {multiple}")  # fmt: skip
        fine = statics.shape[1:3]
        coarse = tuple(size // settings.factor for size in fine)
        expected = (
            (levels, *coarse, 1),
            (levels, *coarse, 3),
            (levels, *coarse, 7),
            (*fine, 3),
            (*fine, 2),
            (levels, *fine, 1),
        )
        for name, array, shape in zip(NAMES, conditioning, expected, strict=True):
            if array.shape[1:] != shape or len(array) != cases:
                wanted = ", ".join(map(str, shape))
                raise Refusal(f"forecast: {name} has got={array.shape}, expected (N, {wanted})")


class Guided(nn.Cell):
    """null + w (conditional - null): the network asked twice (Ho and Salimans 2022)."""

    def __init__(self, network: nn.Cell, scale: float) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.scale = network, scale

    def construct(self, x: Tensor, t: Tensor, *seen: Tensor) -> Tensor:
        """`seen`: condition and features, then the same with everything hidden."""
        half = len(seen) // 2
        shown = self.network(x, t, *seen[:half])
        hidden = self.network(x, t, *seen[half:])
        return hidden + self.scale * (shown - hidden)
