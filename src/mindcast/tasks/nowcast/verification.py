"""Forecast files scored like the forecasts of a test, against what was observed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindcast.cases import NowcastCase
from mindcast.config.schema import Scoring
from mindcast.config.verification import VerificationSettings
from mindcast.data.forecasts.observed import Observed
from mindcast.data.forecasts.read import ForecastFile, open_forecast
from mindcast.data.incoming.quantities import physical, relation
from mindcast.evaluation.nowcast.baselines import BASELINES
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput, Sample
from mindcast.tasks.nowcast.alike import check_alike
from mindcast.tasks.nowcast.scoring import NowcastScoring

MINUTE = np.timedelta64(60, "s")
# of the units that are scored: physical value of 1, thresholds
SCALES = {"dBZ": 90.0, "VIL": 255.0}
THRESHOLDS = {"dBZ": (20.0, 30.0, 35.0, 40.0), "VIL": (16.0, 74.0, 133.0, 160.0, 181.0, 219.0)}
MEMBERS = 8  # of STEPS beside a forecast without members


@dataclass(frozen=True)
class Values:
    """What the scored values mean, see `scoring.ValuesLike`."""

    thresholds: tuple[float, ...]
    value_scale: float
    unit: str
    interval_minutes: int


@dataclass(frozen=True)
class Issue:
    """One forecast of a file: its number there, and the time of the last observed frame."""

    file: ForecastFile
    number: int
    reference: np.datetime64

    @property
    def label(self) -> str:
        """A name fit for a file: that of the file, and when the forecast began."""
        stamp = str(self.reference.astype("datetime64[m]")).replace("-", "").replace(":", "")
        return f"{self.file.path.stem}_{stamp}"


class Verification(NowcastScoring):
    """The forecasts of some files, alike but for when they begin, against a truth.

    Scored in dBZ or, where they are codes of VIL, in these; a pixel that the truth or a member
    lacks counts for nobody. truth: files of what was observed. context: of what the baselines begin
    with, none where that is the truth too: without frames there for all of the forecasts there are
    no baselines. notes: what was taken for what.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        truth: Sequence[str],
        context: Sequence[str],
        settings: VerificationSettings,
    ) -> None:
        if settings.factor is not None:
            raise Refusal("factor: is for downscaled temperature, not for nowcasts; leave it out")
        files = [open_forecast(path, settings.forecast) for path in paths]
        check_alike(files)
        self.first, step = files[0], files[0].times.step_minutes
        self.truth = self.context = Observed(truth, "--truth", settings.input, step)
        if context:
            self.context = Observed(context, "--context", settings.input, step)
        self.issues = [
            Issue(file, number, reference)
            for file in files
            for number, reference in enumerate(file.times.references)
        ]
        self.notes: dict[str, None] = dict.fromkeys(self.first.notes)
        self.leads = self._common_leads()
        minutes = _minutes(self.first, self.first.times.leads[self.leads])
        self.frames = settings.context_frames
        data, grid = _values(self.first, minutes, settings), self.first.grid
        super().__init__(
            (_method(files),),
            self._options(settings.evaluation, data, minutes, bool(context)),
            data,
            minutes,
            settings.sampling.members or self.first.members or MEMBERS,
            settings.runtime.seed,
            settings.input.pixel_km if grid is None else sum(grid.pixel_m) / 2000,
        )

    def __len__(self) -> int:
        return len(self.issues)

    def cases(self) -> Iterator[NowcastCase]:
        """The forecasts with their truth, one after the other."""
        known = 0
        for key, issue in enumerate(self.issues):
            case = self._case(issue, key)
            known += np.count_nonzero(~np.isnan(case.truth))
            yield case
        if not known:
            raise Refusal(
                f"{self.first.path}: no pixel is known both in the forecast and in the truth; give "
                "a truth that is not missing there"
            )

    def _case(self, issue: Issue, key: int) -> NowcastCase:
        file, scale, unit = issue.file, np.float32(self.data.value_scale), self.data.unit
        times = issue.reference + file.times.leads[self.leads]
        truth = self.truth.frames(times, file, unit).astype(np.float32) / scale
        own = file.frames(issue.number, self.leads)
        forecast = physical(own, file.unit, unit, self.truth.how).astype(np.float32) / scale
        self._note_what_was_converted(file)
        members = forecast if file.members is not None else forecast[np.newaxis]
        truth = np.where(np.isnan(members).any(axis=0), np.float32(np.nan), truth)
        before, context = self._before(issue, unit)
        return NowcastCase(
            issue.label,
            Sample(NowcastInput(context / scale), truth[..., np.newaxis]),
            np.concatenate([before, times]).astype("datetime64[m]"),
            float(scale),
            unit,
            forecasts={self.methods[0]: forecast[..., np.newaxis]},
            key=key,
        )

    def _before(self, issue: Issue, unit: str) -> tuple[np.ndarray, np.ndarray]:
        """Times and physical values of the context; of none, one frame without any pixel."""
        if not self.baselines:
            blank = np.full((1, *issue.file.shape, 1), np.nan, np.float32)
            return np.array([issue.reference]), blank
        times = self._context_times(issue, self.data.interval_minutes)
        frames = np.nan_to_num(self.context.frames(times, issue.file, unit), copy=False)
        return times, frames.astype(np.float32)[..., np.newaxis]

    def _note_what_was_converted(self, file: ForecastFile) -> None:
        words = relation(file.unit, self.data.unit, False, self.truth.how)
        self.notes |= dict.fromkeys(f"of the forecast: {word}" for word in words)
        for observed in (self.truth, self.context):
            self.notes |= dict.fromkeys(f"of {observed.option}: {n}" for n in observed.notes)

    def _common_leads(self) -> list[int]:
        """The numbers of the lead times for which the truth has a frame, of any forecast."""
        leads, references = self.first.times.leads, [issue.reference for issue in self.issues]
        there = np.array([self.truth.has(reference + leads) for reference in references])
        after = leads > np.timedelta64(0, "s")
        found = np.flatnonzero(there.any(axis=0) & after)
        if not len(found):
            valid = references[0] + leads[after]
            raise Refusal(
                f"{self.first.path}: is for {valid[0]} to {references[-1] + leads[-1]}, the truth "
                f"for {self.truth.times[0]} to {self.truth.times[-1]} (UTC): no common time; give "
                "the --truth of these times"
            )
        lacking = np.count_nonzero(after) - len(found)
        if lacking:
            self.notes[f"{lacking} of {np.count_nonzero(after)} lead times have no truth"] = None
        return [int(k) for k in found]

    def _options(
        self, options: Scoring, data: Values, minutes: Sequence[int], needs_context: bool
    ) -> Scoring:
        """Without baselines where these cannot be made; Refusal if `needs_context`."""
        why = self._lacks_context(data.interval_minutes, minutes) if options.baselines else ""
        if why and needs_context:
            raise Refusal(f"{why}; give --context with these frames, or leave it out")
        if why:
            self.notes[f"no baselines: {why}"] = None
            return options.model_copy(update={"baselines": ()})
        return options

    def _lacks_context(self, interval: int, minutes: Sequence[int]) -> str:
        """Why the baselines cannot be made; "" where they can."""
        if any(minute % interval for minute in minutes):
            return f"lead times are no multiples of {interval} minutes, interval_minutes"
        for issue in self.issues:
            times = self._context_times(issue, interval)
            lacking = times[~self.context.has(times)]
            if len(lacking):
                return f"{self.context.option} has no frame of {lacking[-1]}"
        return ""

    def _context_times(self, issue: Issue, interval: int) -> np.ndarray:
        return issue.reference - np.arange(self.frames)[::-1] * (interval * MINUTE)


def _values(first: ForecastFile, minutes: Sequence[int], settings: VerificationSettings) -> Values:
    unit = "VIL" if first.unit == "VIL" else "dBZ"
    of_file = physical(np.array(first.thresholds), first.unit, unit, settings.input)
    thresholds = settings.thresholds or tuple(of_file.tolist()) or THRESHOLDS[unit]
    interval = settings.interval_minutes or math.gcd(*minutes)
    return Values(tuple(thresholds), SCALES[unit], unit, interval)


def _minutes(first: ForecastFile, leads: np.ndarray) -> list[int]:
    minutes = leads / MINUTE
    if (minutes != np.rint(minutes)).any():
        raise Refusal(
            f"{first.path}: has lead times of {minutes[0]:g}, {minutes[-1]:g} minutes, expected "
            "whole minutes; round them"
        )
    return [int(minute) for minute in minutes]


def _method(files: Sequence[ForecastFile]) -> str:
    """The name of the rows: that of the one file, if no baseline is called so."""
    stem = files[0].path.stem
    return stem if len(files) == 1 and stem not in BASELINES else "forecast"
