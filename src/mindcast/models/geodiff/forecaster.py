"""Fine temperature from a trained GeoDiff: the deterministic field, and members around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.config.schema import Sampling
from mindcast.diffusion.ensembles import EnsembleSampler
from mindcast.diffusion.sampling import SamplingStep
from mindcast.diffusion.tiling import TiledStep, Tiles, in_batches
from mindcast.models.geodiff.pieces import Pieces
from mindcast.models.geodiff.residual_network import ResidualConditioning
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.models.remembered import Remembered
from mindcast.physics.horizontal import PERIODIC, ROW_WEIGHT
from mindcast.physics.resample import cells, enforce_block_mean
from mindcast.refusal import Refusal
from mindcast.samples import DownscaleInput

DETERMINISTIC, SAMPLED = "geodiff-det", "geodiff"
SMALLEST = 3  # points along a side of a domain


class GeoDiffForecaster:
    """See `models.base.Forecaster`. "geodiff-det" is T_det, "geodiff" the ensemble, which exists
    where the denoiser does. Networks of the stage "joint" are preferred where they are given.

    Domains may have any size. The networks get `Pieces` of them; what is interpolated or derived is
    made of whole domains as they are, so that pieces have no borders of their own.
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
        joint = networks.get("joint")
        primary = joint.deterministic if joint else networks["deterministic"]
        denoiser = joint.diffusion if joint else networks.get("diffusion")
        plan = () if denoiser is None else settings.diffusion.plan(sampling)
        self.settings, self.batch_size = settings, sampling.at_once
        self.remembered = Remembered()
        self.sampler = EnsembleSampler(
            networks.values(), plan, sampling.at_once, seed, graph=compiled
        )

        # functions with a name: graph mode cannot read a lambda within a call
        def interpolated(temperature_lr, priors_lr, statics):
            bicubic = primary.bicubic(temperature_lr, statics)
            return bicubic, primary.fine_priors(priors_lr, statics)

        self.interpolate = self.sampler.compiled(interpolated)
        self.correct = self.sampler.compiled(primary.corrected)
        self.methods: tuple[str, ...] = (DETERMINISTIC,)
        if denoiser is not None:
            self.methods += (SAMPLED,)
            self._prepare_sampling(primary, denoiser)

    def _prepare_sampling(self, primary: nn.Cell, denoiser: nn.Cell) -> None:
        options = self.settings.diffusion
        self.kelvin = options.scale * denoiser.residual_statistics.sigma.asnumpy()
        guided = options.guidance != 1

        def encoded(fields, priors):
            kept = ops.ones((fields.shape[0],), ms.float32)
            conditioning = (denoiser.masked(fields, kept), *denoiser.features(priors, kept))
            if guided:
                none = ops.zeros_like(kept)
                null = (denoiser.masked(fields, none), *denoiser.features(priors, none))
                conditioning = (*conditioning, *null)
            return conditioning

        denoise = Guided(denoiser, options.guidance) if guided else denoiser
        step = SamplingStep(denoise, options.process(), options.prediction, options.clip_range)
        whole = ResidualConditioning(self.settings, primary, denoiser)
        self.conditioning = self.sampler.compiled(whole.of_primary)
        self.encode = self.sampler.compiled(encoded)
        self.step = self.sampler.compiled(step)

    def forecast(
        self,
        method: str,
        input: DownscaleInput,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], object] | None = None,
        *,
        first: int = 0,
        seed: int | None = None,
    ) -> np.ndarray:
        """See `models.base.Forecaster.forecast`; K. The truth is not looked at."""
        self._require_shapes(input)
        cases = [self._domain(input, number) for number in range(len(keys))]
        fields = np.stack([case.primary.asnumpy() + SHIFT_K for case in cases])
        if method == SAMPLED:
            residuals = self._residuals(input, cases, keys, members, progress, first, seed)
            fields = fields + self.kelvin.reshape(-1, 1, 1) * residuals
        if self.settings.enforce_lr_mean:
            fields = np.stack(
                [self._with_lr_mean(*pair) for pair in zip(fields, cases, strict=True)]
            )
        return fields.astype(np.float32)[..., None]

    def _domain(self, input: DownscaleInput, number: int) -> Domain:
        """One case of the input with its deterministic field, made once."""

        def made() -> Domain:
            case = input.mapped(itemgetter(slice(number, number + 1)))
            closed = bool(case.metric[0, 0, 0, PERIODIC])
            pieces = Pieces(case.statics.shape[1:3], self.settings, closed)
            return Domain(case, pieces, *self._primary(case, pieces))

        return self.remembered.of(input, ("domain", number), made)

    def _conditioned(self, input: DownscaleInput, domain: Domain) -> list[Tensor]:
        """What all members are conditioned on; of a single case, drawn in parts, made once."""
        conditioned = partial(self._conditioning, domain)
        if len(input.statics) > 1:
            return conditioned()
        return self.remembered.of(input, "conditioning", conditioned)

    def _with_lr_mean(self, fields: np.ndarray, domain: Domain) -> np.ndarray:
        """Fields (M, Z, H, W) whose block means are the coarse field."""
        row_weights = domain.case.metric[0, :, 0, ROW_WEIGHT]
        coarse = domain.case.temperature_lr[..., 0]
        return enforce_block_mean(fields, coarse, self.settings.factor, row_weights)

    def _primary(self, case: DownscaleInput, pieces: Pieces) -> tuple[Tensor, Tensor]:
        """U(T_lr) and T_det, both (1, Z, H, W), reduced."""
        bicubic, priors = self.interpolate(case.temperature_lr, case.priors_lr, case.statics)
        statics = pieces.cut(Tensor(case.statics), channels_last=True)
        (primary,) = self._over_tiles(
            self.correct, (pieces.cut(bicubic), pieces.cut(priors), statics)
        )
        return bicubic, pieces.blend(primary[:, None])

    def _conditioning(self, domain: Domain) -> list[Tensor]:
        """What the step takes after the noise, of every tile (K, ...); it depends on no member."""
        case = domain.case
        whole = self.conditioning(
            domain.primary,
            domain.bicubic,
            case.wind_lr,
            case.priors_lr,
            case.statics,
            case.metric,
        )
        return self._over_tiles(self.encode, [domain.pieces.cut(array) for array in whole])

    def _over_tiles(self, function: Callable[..., Any], tiles: Sequence[Tensor]) -> list[Tensor]:
        """A function of tiles (K, 1, ...) of one case, a batch at a time; its outputs (K, ...)."""

        def of_rows(rows: np.ndarray) -> tuple[Tensor, ...]:
            outputs = function(*[ops.gather(array[:, 0], Tensor(rows), 0) for array in tiles])
            return outputs if isinstance(outputs, tuple) else (outputs,)

        return in_batches(of_rows, len(tiles[0]), self.batch_size)

    def _residuals(
        self,
        input: DownscaleInput,
        domains: Sequence[Domain],
        keys: Sequence[int],
        members: int,
        progress: Callable[[int], object] | None,
        first: int,
        seed: int | None,
    ) -> np.ndarray:
        """R of all members (N, M, Z, H, W); the margin is drawn as well as the domain."""
        pieces = domains[0].pieces
        shape = (len(self.settings.levels_hpa), 1, *pieces.size)
        drawn = partial(
            self.sampler.draw,
            members=members,
            shape=shape,
            progress=progress,
            first=first,
            seed=seed,
        )
        if len(pieces.tiles) == 1:
            each = [self._conditioned(input, domain) for domain in domains]
            of_all = [ops.cat(arrays, 0) for arrays in zip(*each, strict=True)]
            residuals = drawn(self.step, keys, conditioning=of_all)
        else:  # one case after the other: its tiles may fill the memory
            residuals = np.concatenate(
                [
                    drawn(self._tiled(pieces.tiles, self._conditioned(input, domain)), [key])
                    for domain, key in zip(domains, keys, strict=True)
                ]
            )
        return pieces.without_margin(residuals[:, :, :, 0])

    def _tiled(self, tiles: Tiles, conditioning: Sequence[Tensor]) -> TiledStep:
        return TiledStep(self.step, tiles, conditioning, self.batch_size)

    def _require_shapes(self, input: DownscaleInput) -> None:
        """Every array must fit the statics; derivatives at a border take SMALLEST points."""
        settings, statics = self.settings, input.statics.shape
        if len(statics) != 4 or min(statics[1:3]) < SMALLEST:
            raise Refusal(
                f"forecast: statics has got={statics}, expected (N, H, W, 3) with "
                f"H and W from {SMALLEST}"
            )
        levels, fine = len(settings.levels_hpa), statics[1:3]
        coarse = tuple(cells(length, settings.factor) for length in fine)
        expected = {
            "temperature_lr": (levels, *coarse, 1),
            "wind_lr": (levels, *coarse, 3),
            "priors_lr": (levels, *coarse, 7),
            "statics": (*fine, 3),
            "metric": (*fine, 4),
            "weight": (levels, *fine, 1),
        }
        for name, array in input.named.items():
            if array.shape[1:] != expected[name] or len(array) != statics[0]:
                wanted = ", ".join(map(str, expected[name]))
                raise Refusal(f"forecast: {name} has got={array.shape}, expected (N, {wanted})")


@dataclass(frozen=True, eq=False)
class Domain:
    """A case, cut into pieces for the networks; U(T_lr) and T_det, both (1, Z, H, W), reduced."""

    case: DownscaleInput
    pieces: Pieces
    bicubic: Tensor
    primary: Tensor


class Guided(nn.Cell):
    """null + w (conditional - null): two passes of the network (Ho and Salimans 2022)."""

    def __init__(self, network: nn.Cell, scale: float) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.scale = network, scale

    def construct(self, x: Tensor, t: Tensor, *conditioning: Tensor) -> Tensor:
        """conditioning: fields and features, then the same with everything dropped."""
        half = len(conditioning) // 2
        conditional = self.network(x, t, *conditioning[:half])
        null = self.network(x, t, *conditioning[half:])
        return null + self.scale * (conditional - null)
