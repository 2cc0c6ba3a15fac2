"""Files of downscaled temperature scored like the fields of a test, against a fine truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mindcast.cases import DownscaleCase
from mindcast.config.verification import VerificationSettings
from mindcast.data.base import checked
from mindcast.data.forecasts.temperature import (
    FineTruth,
    Whole,
    factor_of,
    forecasts_in,
    levels_of,
)
from mindcast.evaluation.downscale.baselines import BASELINES
from mindcast.refusal import Refusal
from mindcast.tasks.downscale.task import DownscaleScoring

BESIDE = "deterministic"  # the field that our files hold beside the members
SETTINGS = {"factor", "evaluation"}  # that are of this task


class Verification(DownscaleScoring):
    """The fields of some files against the truth of their times; see `DownscaleScoring`.

    notes: what was left out.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        truth: Sequence[str],
        context: Sequence[str],
        settings: VerificationSettings,
    ) -> None:
        _refuse_nowcasts(context, settings)
        forecasts = forecasts_in(paths)
        whole = Whole(levels_of(forecasts[0].file), _factor(paths[0], settings))
        self.truth = FineTruth(forecasts, truth, whole)
        members = {forecast.members for forecast in self.truth.forecasts}
        if len(members) > 1:
            raise Refusal(
                f"{paths[0]}: {len(members)} different numbers of members in the forecasts; score "
                "them one by one"
            )
        lacking = len(forecasts) - len(self.truth.forecasts)
        self.notes = {f"{lacking} of {len(forecasts)} times have no truth": None} if lacking else {}
        stem = paths[0].stem
        name = stem if len(paths) == 1 and stem not in BASELINES else "forecast"
        both = all(forecast.has_both for forecast in self.truth.forecasts)
        methods = (name, BESIDE) if both else (name,)
        super().__init__(self.truth.fields, whole.factor, methods, area_weight=False)

    def __len__(self) -> int:
        return len(self.truth.forecasts)

    def cases(self) -> Iterator[DownscaleCase]:
        """The forecasts with their truth, one after the other."""
        for number, forecast in enumerate(self.truth.forecasts):
            case = self.case(number, checked(self.truth.fields, number))
            levels = self.truth.fields.levels_hpa
            case.forecasts[self.methods[0]] = forecast.fields(levels)
            if BESIDE in self.methods:
                case.forecasts[BESIDE] = forecast.deterministic(levels)
            yield case


def _factor(path: Path, settings: VerificationSettings) -> int:
    factor = settings.factor or factor_of(path)
    if factor is None:
        raise Refusal(
            f"{path}: does not state how many of its points a coarse cell has a side; set factor=N"
        )
    return factor


def _refuse_nowcasts(context: Sequence[str], settings: VerificationSettings) -> None:
    others = sorted(settings.model_fields_set - SETTINGS)
    if context or others:
        what = "--context" if context else others[0]
        raise Refusal(f"{what}: is for nowcasts, not for downscaled temperature; leave it out")
