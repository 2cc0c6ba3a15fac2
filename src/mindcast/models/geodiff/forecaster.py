"""Fine temperature from a trained GeoDiff: the deterministic field, and members around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.config.schema import Sampling
from mindcast.diffusion.sampling import MemberNoise, SamplingStep, function_of, sample
from mindcast.diffusion.tiling import TiledStep, Tiles, tiles_of
from mindcast.models.geodiff.residual_network import ResidualConditions
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics.horizontal import ROW_WEIGHT
from mindcast.physics.resample import bicubic, enforce_block_mean
from mindcast.refusal import Refusal

DETERMINISTIC, SAMPLED = "geodiff-det", "geodiff"
NAMES = ("temperature_lr", "wind_lr", "priors_lr", "statics", "metric", "weight")
STATICS, METRIC = NAMES.index("statics"), NAMES.index("metric")


class GeoDiffForecaster:
    """See `models.base.Forecaster`. "geodiff-det" is T_det, "geodiff" the ensemble, which exists
    where the denoiser does. Networks of the stage "joint" are preferred where they are given.

    The networks see the tiles of `GeoDiffSettings.tile`, or a domain as one tile; what is
    interpolated or derived is made of whole domains, so that tiles have no borders of their own.
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
        self.compiled = compiled
        for network in networks.values():
            network.set_train(False)
        joint = networks.get("joint")
        primary = joint.deterministic if joint else networks["deterministic"]
        denoiser = joint.diffusion if joint else networks.get("diffusion")

        # functions with a name: graph mode cannot read a lambda within a call
        def interpolated(temperature_lr, priors_lr):
            return primary.bicubic(temperature_lr), primary.fine_priors(priors_lr)

        self.interpolate = function_of(interpolated, compiled)
        self.correct = function_of(primary.corrected, compiled)
        self.step = None
        if denoiser is not None:
            self._prepare_sampling(primary, denoiser)

    def _prepare_sampling(self, primary: nn.Cell, denoiser: nn.Cell) -> None:
        options = self.settings.diffusion
        self.plan = options.plan(self.sampling)
        self.kelvin = options.scale * denoiser.residual_statistics.sigma.asnumpy()
        conditions = ResidualConditions(self.settings, primary, denoiser)
        guided = options.guidance != 1

        def encoded(condition, priors):
            shown = ops.ones((condition.shape[0],), ms.float32)
            seen = (denoiser.hidden(condition, shown), *denoiser.features(priors, shown))
            if guided:
                none = ops.zeros_like(shown)
                seen = (*seen, denoiser.hidden(condition, none), *denoiser.features(priors, none))
            return seen

        denoise = Guided(denoiser, options.guidance) if guided else denoiser
        step = SamplingStep(denoise, options.process(), options.prediction, options.clip_range)
        self.condition = function_of(conditions.of_primary, self.compiled)
        self.encode = function_of(encoded, self.compiled)
        self.step = function_of(step, self.compiled)

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
        fields = []
        for case, key in enumerate(keys):
            arrays = tuple(array[case : case + 1] for array in conditioning)
            tiles = self._tiles(arrays)
            bicubic, primary = self._primary(arrays, tiles)
            field = primary + SHIFT_K
            if method != DETERMINISTIC:
                seen = self._encoded(arrays, tiles, bicubic, primary)
                shape = primary.shape[1:]
                residual = self._residuals(tiles, int(key), members, seen, shape, progress)
                field = field + self.kelvin.reshape(-1, 1, 1) * residual
            if self.settings.enforce_lr_mean:
                row_weights = arrays[METRIC][0, :, 0, ROW_WEIGHT]
                field = enforce_block_mean(field, arrays[0][..., 0], row_weights)
            fields.append(field)
        return np.stack(fields).astype(np.float32)[..., None]

    def _tiles(self, arrays: tuple[np.ndarray, ...]) -> Tiles:
        field = arrays[STATICS].shape[1:3]
        tile = self.settings.tile
        return (
            tiles_of(field, field, 0) if tile is None else tiles_of(field, tile.size, tile.overlap)
        )

    def _primary(
        self, arrays: tuple[np.ndarray, ...], tiles: Tiles
    ) -> tuple[np.ndarray, np.ndarray]:
        """U(T_lr) and T_det, both (1, Z, H, W), reduced."""
        coarse, _, priors_lr, statics = arrays[:4]
        whole = self.interpolate(Tensor(coarse), Tensor(priors_lr))
        bicubic, priors = (output.asnumpy() for output in whole)
        parts = (tiles.cut(bicubic), tiles.cut(priors), tiles.cut(statics, channels_last=True))
        (primary,) = self._over_tiles(self.correct, parts)
        return bicubic, tiles.blend(primary)

    def _encoded(
        self,
        arrays: tuple[np.ndarray, ...],
        tiles: Tiles,
        bicubic: np.ndarray,
        primary: np.ndarray,
    ) -> list[np.ndarray]:
        """What the step takes after the noise, of every tile; it depends on no member."""
        _, *others = arrays[:5]
        whole = self.condition(*[Tensor(array) for array in (primary, bicubic, *others)])
        return self._over_tiles(self.encode, [tiles.cut(output.asnumpy()) for output in whole])

    def _over_tiles(
        self, function: Callable[..., Any], arrays: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """A function of tiles (K, ...), a batch at a time; its outputs (K, ...)."""
        count = len(arrays[0])
        size = min(count, self.sampling.batch_size)
        parts = []
        for first in range(0, count, size):
            numbers = np.minimum(np.arange(first, first + size), count - 1)  # one shape for all
            outputs = function(*[Tensor(array[numbers]) for array in arrays])
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            parts.append([output.asnumpy()[: count - first] for output in outputs])
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _residuals(
        self,
        tiles: Tiles,
        key: int,
        members: int,
        seen: Sequence[np.ndarray],
        shape: tuple[int, ...],
        progress: Callable[[int], None] | None,
    ) -> np.ndarray:
        """R of all members of one case, (M, Z, H, W)."""
        levels, height, width = shape
        rows = [(key, member) for member in range(members)]
        noise = MemberNoise(self.seed, rows, (levels, 1, height, width))
        step = TiledStep(self.step, tiles, seen, self.sampling.batch_size)
        return sample(step, self.plan, noise, progress=progress)[:, :, 0]

    def _require_shapes(self, conditioning: tuple[np.ndarray, ...]) -> None:
        """Every array must fit the statics, whose H and W must fit the networks."""
        settings, levels = self.settings, len(self.settings.levels_hpa)
        if not isinstance(conditioning, tuple) or len(conditioning) != len(NAMES):
            raise Refusal(f"forecast: expected the {len(NAMES)} arrays {', '.join(NAMES)}")
        cases, statics = len(conditioning[0]), conditioning[STATICS]
        multiple = settings.multiple
        if statics.ndim != 4 or statics.shape[1] % multiple or statics.shape[2] % multiple:
            raise Refusal(
                f"forecast: statics has got={statics.shape}, expected (N, H, W, 3) with "
                f"H and W multiples of {multiple}"
            )
        fine = statics.shape[1:3]
        coarse = tuple(size // settings.factor for size in fine)
        expected = (
            (levels, *coarse, 1),
            (levels, *coarse, 3),
            (levels, *coarse, 7),
            (*fine, 3),
            (*fine, 4),
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
