"""How the task "downscale" is scored, written and drawn; see `tasks.base.Task`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mindcast.cases import DownscaleCase
from mindcast.config.schema import Evaluation, RunSettings
from mindcast.data.base import Fields, PatchLike
from mindcast.evaluation.downscale.baselines import BASELINES, BICUBIC, interpolated
from mindcast.evaluation.downscale.report import table_text, write_report
from mindcast.evaluation.downscale.suite import DownscaleSuite
from mindcast.evaluation.downscale.target import Target
from mindcast.output.downscale import write_temperature
from mindcast.refusal import Refusal
from mindcast.samples import Coordinates, DownscaleSample


class Located(Protocol):
    """Samples of which each lies somewhere."""

    def __len__(self) -> int: ...

    def coordinates(self, i: int) -> Coordinates: ...


class DownscaleScoring:
    """Temperature on levels: interpolations beside the forecasts, all scores in K and by level.

    samples: what is known of each case. factor: points along a side of a coarse cell. methods: the
    forecasts to come. area_weight: whether points count by cos(latitude).
    """

    baselines = tuple(BASELINES)

    def __init__(
        self, samples: Fields, factor: int, methods: tuple[str, ...], area_weight: bool
    ) -> None:
        self.samples, self.methods, self.factor = samples, methods, factor
        self.area_weight = area_weight
        self.suite = DownscaleSuite((*self.baselines, *methods), samples.levels_hpa)

    def case(self, i: int, sample: DownscaleSample) -> DownscaleCase:
        """Sample i with its place and time."""
        where = self.samples.coordinates(i)
        return DownscaleCase(self.samples.label(i), sample, where, self.factor)

    def score(self, case: DownscaleCase) -> None:
        """The interpolations and all forecasts of the case, by level."""
        target = Target.of(case.sample, self.factor, self.area_weight)
        for name in self.baselines:
            case.forecasts[name] = interpolated(name, target)[0]
        for method in case.forecasts:
            self.suite.update(method, case.forecasts[method][np.newaxis], target)

    def draw_case(self, case: DownscaleCase, folder: Path) -> Iterator[Path]:
        """Maps and a section of each method."""
        yield from panels(case, self.methods, folder)

    def write(self, folder: Path, provenance: Mapping[str, Any], **about: Any) -> str:
        """The report's files; gives the table to print."""
        result = self.suite.result()
        write_report(folder, {**about, **result}, provenance)
        return table_text(result)

    def draw(self, folder: Path) -> Iterator[Path]:
        """Curves of all methods by level."""
        from mindcast.visualization.downscale.curves import (
            level_profiles,
            rank_histograms,
            spectrum_curves,
        )

        result = self.suite.result()
        for name, curves in (("levels", level_profiles), ("spectra", spectrum_curves)):
            path = folder / f"{name}.png"
            curves(path, result, self.baselines)
            yield path
        ranks = folder / "ranks.png"
        if rank_histograms(ranks, result, self.baselines):
            yield ranks


class Task(DownscaleScoring):
    """The samples of a split, for the forecasts of a model."""

    def __init__(
        self, samples: Fields, settings: RunSettings, window: PatchLike, methods: tuple[str, ...]
    ) -> None:
        _refuse_nowcasts(settings.evaluation)
        super().__init__(samples, window.factor, methods, settings.evaluation.area_weight)

    @staticmethod
    def domain(samples: Fields) -> tuple[int, int]:
        """See `tasks.base.Task`."""
        return largest(samples)

    def keep(self, case: DownscaleCase, folder: Path, provenance: Mapping[str, Any]) -> None:
        """The fields of a case as NetCDF."""
        path = folder / f"{case.label}.nc"
        path.unlink(missing_ok=True)  # the same, of a test that was stopped right after it
        write_temperature(path, case, self.methods, provenance)


def largest(fields: Located) -> tuple[int, int]:
    """(H, W) of the fine grid with most points."""
    places = (fields.coordinates(i) for i in range(len(fields)))
    sizes = {(len(where.y.values), len(where.x.values)) for where in places}
    return max(sizes, key=lambda size: size[0] * size[1])


def panels(case: DownscaleCase, methods: Sequence[str], folder: Path) -> Iterator[Path]:
    """Maps and a section of each method of a case, beside bicubic interpolation if it has that."""
    from mindcast.visualization.downscale.cross_section import cross_section
    from mindcast.visualization.downscale.panels import downscale_panel
    from mindcast.visualization.downscale.view import View

    single = case.first(methods, ensemble=False)
    beside = {BICUBIC: BICUBIC} if BICUBIC in case.forecasts else {}
    beside |= {"deterministic": single} if single else {}
    for method in methods:
        view = View(case, method, beside)
        panel = folder / f"{method}_{case.label}.png"
        downscale_panel(panel, view)
        yield panel
        section = panel.with_stem(f"{panel.stem}_section")
        cross_section(section, view)
        yield section


def _refuse_nowcasts(options: Evaluation) -> None:
    if options.baselines != Evaluation().baselines:
        found = ", ".join(options.baselines) or "none"
        raise Refusal(
            f"evaluation.baselines: {found}, which is of nowcasts; a downscaling is always scored "
            f"beside {', '.join(BASELINES)}: leave it out"
        )
