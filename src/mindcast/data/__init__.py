"""The table of data sets: a data set joins the house by one line here.

A data set is its settings type and the module that reads it, imported when a split is opened:

    open_split(settings, split, window)    in the module `reader`: Sequences for the task
        "nowcast", with a WindowLike; Fields for "downscale", with a PatchLike
    prepare(settings) -> None              in the module `preparer`, if there is one
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from mindcast.config.frozen import Frozen
from mindcast.data.base import SPLITS, Split
from mindcast.data.sequence_settings import (
    CikmSettings,
    MeteoNetSettings,
    SevirH5Settings,
    ShanghaiSettings,
)
from mindcast.data.settings import (
    SevirLRSettings,
    SevirSettings,
    SyntheticSettings,
)
from mindcast.data.temperature.settings import SyntheticTemperatureSettings, TemperatureSettings
from mindcast.refusal import Refusal


class Named(Protocol):
    """The settings of any data set: an object of the type that the table has for its name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class DatasetSpec:
    """A data set as the rest of the house sees it; both modules are named, not imported.

    task: "nowcast" or "downscale", what models it can serve (`ModelSpec.task`).
    """

    settings_type: type[Frozen]
    reader: str
    preparer: str | None = None
    task: str = "nowcast"


DATASETS = {
    "sevir_lr": DatasetSpec(SevirLRSettings, "mindcast.data.sevir", "mindcast.data.sevir_lr"),
    "sevir": DatasetSpec(SevirSettings, "mindcast.data.sevir"),
    "sevir_h5": DatasetSpec(SevirH5Settings, "mindcast.data.sequences", "mindcast.data.sevir_h5"),
    "meteonet": DatasetSpec(
        MeteoNetSettings, "mindcast.data.sequences", "mindcast.data.frame_sets"
    ),
    "shanghai": DatasetSpec(
        ShanghaiSettings, "mindcast.data.sequences", "mindcast.data.frame_sets"
    ),
    "cikm": DatasetSpec(CikmSettings, "mindcast.data.sequences", "mindcast.data.frame_sets"),
    "synthetic": DatasetSpec(
        SyntheticSettings, "mindcast.data.synthetic", "mindcast.data.synthetic"
    ),
    "temperature": DatasetSpec(
        TemperatureSettings, "mindcast.data.temperature.fields", task="downscale"
    ),
    "synthetic_temperature": DatasetSpec(
        SyntheticTemperatureSettings,
        "mindcast.data.temperature.synthetic",
        "mindcast.data.temperature.synthetic",
        task="downscale",
    ),
}


def find_dataset(name: str) -> DatasetSpec:
    """The registered data set of that name; Refusal lists the names, nearest first."""
    if name in DATASETS:
        return DATASETS[name]
    likeness = {known: difflib.SequenceMatcher(None, name, known).ratio() for known in DATASETS}
    known = ", ".join(sorted(DATASETS, key=lambda known: -likeness[known]))
    raise Refusal(f"data.name = {name!r}: unknown data set, expected one of {known}")


def open_split(settings: Named, split: Split, window: Any) -> Any:
    """The samples of one split, cut as `window` says; Refusal if the data are not as described.

    Window and samples are those of the data set's task, see above.
    """
    if split not in SPLITS:
        raise Refusal(f"split = {split!r}, expected one of {', '.join(SPLITS)}")
    return import_module(find_dataset(settings.name).reader).open_split(settings, split, window)


def prepare(settings: Named) -> None:
    """Make the data set's files, where it knows how; Refusal otherwise."""
    preparer = find_dataset(settings.name).preparer
    if preparer is None:
        able = ", ".join(name for name, spec in DATASETS.items() if spec.preparer)
        raise Refusal(f"data.name = {settings.name!r}: nothing to prepare; only {able} can be made")
    import_module(preparer).prepare(settings)
