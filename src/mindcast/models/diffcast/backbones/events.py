"""The error of events: how far soft events miss a critical success index of 1.

Squared errors are least for a mean of all that may come, which is smooth and loses strong rain.
This one counts as the critical success index does, with sigmoids in place of thresholds so that it
can be differentiated (a soft Jaccard distance, Rahman and Wang 2016).
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.models.diffcast.backbones.settings import EventSettings


class EventError(nn.Cell):
    """Mean over levels of 1 - CSI + `bias_weight` x (log of the frequency bias)^2.

    An event of level l is sigmoid((value - l) / softness), counted over the whole batch; the same
    is added for the largest values of blocks where the settings want it.
    """

    def __init__(self, settings: EventSettings) -> None:
        super().__init__()
        self.levels, self.softness = settings.levels, settings.softness
        self.bias_weight, self.pool = settings.bias_weight, settings.pool

    def construct(self, forecast: Tensor, target: Tensor) -> Tensor:
        """Both (N, T, C, H, W), in the data's scale."""
        count = target.shape[0] * target.shape[1]
        error = self.of_rows(forecast.reshape(count, -1), target.reshape(count, -1))
        if self.pool > 1:
            error = error + self.of_rows(self.pooled(forecast), self.pooled(target))
        return error

    def pooled(self, frames: Tensor) -> Tensor:
        """(N, T, C, H, W) -> the largest values of blocks, over all channels: (N T, blocks)."""
        largest = frames.reshape(-1, *frames.shape[2:]).max(axis=1).expand_dims(1)
        return ops.max_pool2d(largest, self.pool, self.pool).reshape(largest.shape[0], -1)

    def of_rows(self, forecast: Tensor, target: Tensor) -> Tensor:
        """The same of (rows, values)."""
        error = 0
        for level in self.levels:
            events = ops.sigmoid((forecast - level) / self.softness)
            observed = ops.sigmoid((target - level) / self.softness)
            hits = _total(events * observed)
            # one event more on each side: dry batches have no index
            forecast_count, observed_count = _total(events) + 1, _total(observed) + 1
            log_bias = ops.log(forecast_count / observed_count)
            error = error + 1 - hits / (forecast_count + observed_count - hits)
            error = error + self.bias_weight * log_bias * log_bias
        return error / len(self.levels)


def _total(values: Tensor) -> Tensor:
    # row by row first: the kernel that reduces all axes at once is ten times slower on CPU
    return values.sum(axis=1).sum()
