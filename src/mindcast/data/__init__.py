"""The tables of data sets and of augmentations: each joins the house by one line here.

A data set is its settings type and the module that reads it, imported when a split is opened:

    open_split(settings, split, window)    in the module `reader`: Sequences for the task
        "nowcast", with a WindowLike; Fields for "downscale", with a PatchLike
    stated_pixel_km(settings) -> float | None    there too, where files may say how large pixels are
    prepare(settings) -> None              in the module `preparer`, if there is one

An augmentation is a function of that name in the module named beside it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from mindcast.config.frozen import Frozen
from mindcast.data.base import SPLITS, Augmentation, Split
from mindcast.data.radar.archive.settings import (
    SevirLRSettings,
    SevirSettings,
    SyntheticSettings,
)
from mindcast.data.radar.sequences.settings import (
    CikmSettings,
    MeteoNetSettings,
    SevirH5Settings,
    ShanghaiSettings,
)
from mindcast.data.temperature.settings import SyntheticTemperatureSettings, TemperatureSettings
from mindcast.refusal import Refusal


class Named(Protocol):
    """The settings of any data set: an object of the type that the table has for its name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class DatasetSpec:
    """All that other rooms need of a data set; both modules are named, not imported.

    task: "nowcast" or "downscale", what models it can serve (`ModelSpec.task`).
    """

    task: str
    settings_type: type[Frozen]
    reader: str
    preparer: str | None = None


_ARCHIVE, _SEQUENCES = "mindcast.data.radar.archive", "mindcast.data.radar.sequences"
DATASETS = {
    "sevir_lr": DatasetSpec(
        "nowcast", SevirLRSettings, f"{_ARCHIVE}.read", f"{_ARCHIVE}.prepare_lr"
    ),
    "sevir": DatasetSpec("nowcast", SevirSettings, f"{_ARCHIVE}.read"),
    "synthetic": DatasetSpec(
        "nowcast", SyntheticSettings, f"{_ARCHIVE}.synthetic", f"{_ARCHIVE}.synthetic"
    ),
    "sevir_h5": DatasetSpec(
        "nowcast", SevirH5Settings, f"{_SEQUENCES}.read", f"{_SEQUENCES}.prepare_from_sevir"
    ),
    "meteonet": DatasetSpec(
        "nowcast", MeteoNetSettings, f"{_SEQUENCES}.read", f"{_SEQUENCES}.prepare_from_frames"
    ),
    "shanghai": DatasetSpec(
        "nowcast", ShanghaiSettings, f"{_SEQUENCES}.read", f"{_SEQUENCES}.prepare_from_frames"
    ),
    "cikm": DatasetSpec(
        "nowcast", CikmSettings, f"{_SEQUENCES}.read", f"{_SEQUENCES}.prepare_from_frames"
    ),
    "temperature": DatasetSpec(
        "downscale", TemperatureSettings, "mindcast.data.temperature.fields"
    ),
    "synthetic_temperature": DatasetSpec(
        "downscale",
        SyntheticTemperatureSettings,
        "mindcast.data.temperature.synthetic",
        "mindcast.data.temperature.synthetic",
    ),
}

NO_AUGMENTATION = "none"
AUGMENTATIONS = {
    NO_AUGMENTATION: None,
    "any_angle": "mindcast.data.radar.turns",
    "quarter_turns": "mindcast.data.radar.turns",
    "mirrored_fields": "mindcast.data.temperature.mirror",
}
SAME_PIXELS = 0.05  # by so much of themselves two sizes of pixels may differ and be the same
NEEDS_SQUARE_FRAMES = ("quarter_turns",)


def find_dataset(name: str) -> DatasetSpec:
    """The registered data set of that name; Refusal lists the names, nearest first."""
    if name in DATASETS:
        return DATASETS[name]
    known = _nearest_first(name, DATASETS)
    raise Refusal(f"data.name = {name!r}: unknown data set, expected one of {known}")


def open_split(settings: Named, split: Split, window: Any) -> Any:
    """The samples of one split, cut as `window` describes; Refusal if the data do not fit.

    Window and samples are those of the data set's task, see above.
    """
    if split not in SPLITS:
        raise Refusal(f"split = {split!r}, expected one of {', '.join(SPLITS)}")
    return import_module(find_dataset(settings.name).reader).open_split(settings, split, window)


def with_own_pixels(settings: Any) -> Any:
    """The settings of a data set, with the size of pixels that its files state for the default.

    Refusal where another was given.
    """
    module = import_module(find_dataset(settings.name).reader)
    found = module.stated_pixel_km(settings) if hasattr(module, "stated_pixel_km") else None
    given = settings.pixel_km if found is not None else None
    if found is None or (given is not None and abs(found - given) <= SAME_PIXELS * found):
        return settings
    if given is not None and "pixel_km" in settings.model_fields_set:
        raise Refusal(
            f"data.pixel_km = {given:g}: the data set says {found:g} km (height_m and width_m in "
            "its catalogue); leave that setting out"
        )
    return settings.model_copy(update={"pixel_km": found})


def prepare(settings: Named) -> None:
    """Make the data set's files, where it knows how; Refusal otherwise."""
    preparer = find_dataset(settings.name).preparer
    if preparer is None:
        able = ", ".join(name for name, spec in DATASETS.items() if spec.preparer)
        raise Refusal(f"data.name = {settings.name!r}: nothing to prepare; only {able} can be made")
    import_module(preparer).prepare(settings)


def find_augmentation(name: str, frame: tuple[int, int] | None = None) -> Augmentation | None:
    """The augmentation of that name, for frames (H, W) of that size; None for "none".

    Refusal if it is unknown, or cannot keep the shape of the frames.
    """
    if name not in AUGMENTATIONS:
        known = _nearest_first(name, AUGMENTATIONS)
        raise Refusal(f"augmentation = {name!r}: unknown, expected one of {known}")
    if name in NEEDS_SQUARE_FRAMES and frame and frame[0] != frame[1]:
        raise Refusal(
            f"data.frame_size = {frame[0]} x {frame[1]}: quarter turns need square frames; "
            "turn augmentation off or use square frames"
        )
    module = AUGMENTATIONS[name]
    return None if module is None else getattr(import_module(module), name)


def _nearest_first(name: str, table: Iterable[str]) -> str:
    likeness = {known: difflib.SequenceMatcher(None, name, known).ratio() for known in table}
    return ", ".join(sorted(likeness, key=lambda known: -likeness[known]))
