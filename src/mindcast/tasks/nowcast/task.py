"""How the task "nowcast" is scored, written and drawn; see `tasks.base.Task`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindcast.cases import NowcastCase
from mindcast.config.schema import RunSettings
from mindcast.data.base import Sequences, WindowLike
from mindcast.samples import NowcastSample
from mindcast.tasks.nowcast.scoring import NowcastScoring


class Task(NowcastScoring):
    """Sequences of frames: baselines beside the model, all scores by lead time."""

    def __init__(
        self,
        samples: Sequences,
        settings: RunSettings,
        window: WindowLike,
        methods: tuple[str, ...],
    ) -> None:
        self.samples = samples
        leads = range(1, window.length - window.context + 1)
        super().__init__(
            methods,
            settings.evaluation,
            samples,
            [samples.interval_minutes * lead for lead in leads],
            settings.sampling.members,
            settings.runtime.seed,
            settings.data.pixel_km,
        )

    @staticmethod
    def domain(samples: Sequences) -> tuple[int, int]:
        """See `tasks.base.Task`."""
        height, width = samples.frame_shape
        return height, width

    def case(self, i: int, sample: NowcastSample) -> NowcastCase:
        """Sample i with its times and what its values mean."""
        data = self.samples
        return NowcastCase(
            data.label(i),
            sample,
            data.times(i),
            data.value_scale,
            data.unit,
            key=int(data.keys[i]),
        )

    def keep(self, case: NowcastCase, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Nothing: the frames of a case are in its pictures."""
