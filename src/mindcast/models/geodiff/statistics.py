"""Statistics of the training data, kept in the checkpoint as parameters that never train."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.broadcast import add, multiply
from mindcast.models.geodiff.upsampling import SHIFT_K

PRIORS, FLAG = 6, 6  # how many prior fields there are, and where the flag stands behind them
NEED_WINDS = 2  # the first two fields
SMALLEST_STD = 1e-6


class PriorStatistics(nn.Cell):
    """Mean and standard deviation (Z, 6) of the priors, and how they are standardised."""

    def __init__(self, levels: int, limit: float) -> None:
        super().__init__()
        self.prior_mean = fixed(np.zeros((levels, PRIORS)))
        self.prior_std = fixed(np.ones((levels, PRIORS)))
        self.limit = limit

    def standardised(self, priors: Tensor, flag: Tensor) -> Tensor:
        """(N, Z, 6, H, W) in the physical units -> the same, clipped to the limit.

        flag (N, 1, 1, 1, 1): 0 sets the two fields that need winds to 0.
        """
        shape = (1, *self.prior_mean.shape, 1, 1)
        centred = add(priors, -self.prior_mean.reshape(shape))
        scaled = multiply(centred, ops.reciprocal(self.prior_std.reshape(shape)))
        clipped = scaled.clamp(-self.limit, self.limit)
        return multiply(clipped, flag * self.with_winds() + (1 - self.with_winds()))

    def with_winds(self) -> Tensor:
        """(1, 1, 6, 1, 1): 1 for the fields that need winds."""
        needs = (np.arange(PRIORS) < NEED_WINDS).astype(np.float32)
        return Tensor(needs.reshape(1, 1, PRIORS, 1, 1))

    def set_priors(self, moments: PriorMoments) -> None:
        """Take over the moments of the training data."""
        mean, std = moments.mean_and_std()
        set_values(self.prior_mean, mean)
        set_values(self.prior_std, std)


class FieldStatistics(PriorStatistics):
    """Those and, for each level, mean and standard deviation (K) of the fine temperature."""

    def __init__(self, levels: int, limit: float) -> None:
        super().__init__(levels, limit)
        self.mean = fixed(np.full(levels, SHIFT_K))
        self.std = fixed(np.full(levels, 10.0))

    def normalised(self, temperature: Tensor) -> Tensor:
        """Reduced temperature (N, Z, H, W) -> (T - mean) / std."""
        centred = add(temperature, (SHIFT_K - self.mean).reshape(1, -1, 1, 1))
        return multiply(centred, ops.reciprocal(self.std.reshape(1, -1, 1, 1)))


class ResidualStatistics(PriorStatistics):
    """Those and, for each level, the root mean square sigma (K) of the deterministic error."""

    def __init__(self, levels: int, limit: float) -> None:
        super().__init__(levels, limit)
        self.sigma = fixed(np.ones(levels))


class LevelMoments:
    """Running sums, in float64, of a field (N, Z, ...) for each level."""

    def __init__(self) -> None:
        self.count, self.sum, self.square = 0.0, 0.0, 0.0

    def update(self, field: np.ndarray) -> None:
        """Add a batch."""
        rows = field.astype(np.float64).swapaxes(0, 1).reshape(field.shape[1], -1)
        self.count += rows.shape[1]
        self.sum = self.sum + rows.sum(axis=1)
        self.square = self.square + (rows**2).sum(axis=1)

    def mean_and_std(self) -> tuple[np.ndarray, np.ndarray]:
        """(Z,) each, the deviation at least 1e-6."""
        mean = self.sum / self.count
        variance = np.maximum(self.square / self.count - mean**2, 0.0)
        return mean, np.maximum(np.sqrt(variance), SMALLEST_STD)

    def root_mean_square(self) -> np.ndarray:
        """(Z,), at least 1e-6."""
        return np.maximum(np.sqrt(self.square / self.count), SMALLEST_STD)


class PriorMoments:
    """Moments of priors (N, Z, 6, H, W); samples without winds do not count where winds matter."""

    def __init__(self) -> None:
        self.fields = [LevelMoments() for _ in range(PRIORS)]

    def update(self, priors: np.ndarray, flag: np.ndarray) -> None:
        """Add a batch; flag (N,) is 1 for the samples that have winds."""
        for number, moments in enumerate(self.fields):
            rows = priors[flag > 0, :, number] if number < NEED_WINDS else priors[:, :, number]
            if len(rows):
                moments.update(rows)

    def mean_and_std(self) -> tuple[np.ndarray, np.ndarray]:
        """(Z, 6) each; 0 and 1 for fields that no sample had."""
        levels = len(self.fields[-1].sum)
        nothing = np.zeros(levels), np.ones(levels)
        pairs = [m.mean_and_std() if m.count else nothing for m in self.fields]
        mean, std = zip(*pairs, strict=True)
        return np.stack(mean, axis=1), np.stack(std, axis=1)


def fixed(values: np.ndarray) -> Parameter:
    """A parameter that does not train."""
    return Parameter(Tensor(values.astype(np.float32)), requires_grad=False)


def set_values(parameter: Parameter, values: np.ndarray) -> None:
    """Replace its values."""
    parameter.set_data(Tensor(np.asarray(values, np.float32)))
