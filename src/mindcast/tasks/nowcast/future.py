"""What becomes of the frames that a user has: the input of a nowcast, and what its numbers mean."""

from __future__ import annotations

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.data.incoming.frames import Incoming, Needed
from mindcast.models.base import Window
from mindcast.samples import NowcastInput
from mindcast.tasks.nowcast.domain import Domain
from mindcast.tasks.nowcast.unknown import unknown_pixels


class Future:
    """An input, and what the numbers of its forecast mean.

    input: not batched. times: valid times of the frames to come, (T,) datetime64[s], UTC. unknown:
    pixels of these frames that come out missing, bool (T, H, W).

    motion: (H, W, 2) to go by, pixels per frame; None: as it is found.
    """

    def __init__(
        self,
        incoming: Incoming,
        settings: RunSettings,
        window: Window,
        motion: np.ndarray | None = None,
    ) -> None:
        data = settings.data
        context = incoming.context
        _, height, width, _ = context.shape
        self.incoming, self.domain = incoming, Domain((height, width), window)
        given = None if motion is None else self.domain.widened(motion)
        self.input = NowcastInput(self.domain.padded(context), motion=given)
        self.unit, self.value_scale = str(data.unit), float(data.value_scale)
        self.thresholds = tuple(data.thresholds)
        leads = np.arange(1, window.length - window.context + 1) * (60 * data.interval_minutes)
        self.times = incoming.times[-1] + leads.astype("timedelta64[s]")
        how = getattr(settings.model, "motion", None)
        of = {} if how is None else {"method": how.method}
        frames = context[..., 0], incoming.missing, len(leads)
        self.unknown = unknown_pixels(*frames, motion, **of)
        self.notes = (*self._words(window), *self._inflow())

    def physical(self, frames: np.ndarray) -> np.ndarray:
        """Frames (T, H', W', 1) of a forecast in the unit (T, H, W), float32.

        NaN where nothing is known, see `unknown_pixels`.
        """
        values = self.domain.cut(frames[..., 0]) * np.float32(self.value_scale)
        return np.where(self.unknown, np.float32(np.nan), values)

    def _inflow(self) -> tuple[str, ...]:
        before, after = self.incoming.missing[-1].mean(), self.unknown[-1].mean()
        if after == before:
            return ()
        return (
            f"pixels into which the motion carries missing ones are missing too: {before:.1%} of "
            f"the last frame, {after:.1%} of the last forecast",
        )

    def _words(self, window: Window) -> tuple[str, ...]:
        height, width = self.domain.shape
        frame = "{} x {}".format(*window.frame)
        if (height, width) == tuple(window.frame):
            return ()
        if height <= window.frame[0] and width <= window.frame[1]:
            return (f"{height} x {width} pixels, with nothing around them to {frame}",)
        return (f"{height} x {width} pixels are forecast in tiles of {frame}",)


def needed_by(settings: RunSettings, window: Window) -> Needed:
    """What a model wants of its input, in numbers that mean what they meant in its training."""
    data = settings.data
    return Needed(
        frames=window.context,
        interval_minutes=data.interval_minutes,
        frame=window.frame if settings.input.crop else None,
        value_scale=data.value_scale,
        unit=data.unit,
        pixel_km=data.pixel_km,
    )
