"""What colours mean: radar values (VIL codes), probabilities, hits and misses, methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap

from mindcast.cases import reached

RGB = tuple[float, float, float]

# SEVIR's colours (Veillette et al. 2020): 11 edges, 10 bins, RGB 0..255
VIL_LEVELS = (0, 16, 31, 59, 74, 100, 133, 160, 181, 219, 255)
VIL_RGB = (
    (77, 77, 77),
    (40, 190, 40),
    (25, 150, 25),
    (10, 105, 10),
    (10, 75, 10),
    (245, 245, 0),
    (237, 172, 0),
    (240, 110, 0),
    (160, 0, 0),
    (231, 0, 255),
)
# the same colours for reflectivity: drizzle from 10 dBZ, the thresholds of the data sets between
DBZ_LEVELS = (0, 10, 15, 20, 25, 30, 35, 40, 45, 55, 75)
# and for rain rates, about even steps of their logarithm
RATE_LEVELS = (0, 0.1, 0.3, 1, 2, 4, 8, 16, 32, 64, 150)
INVALID_RGB = (0, 0, 0)
# on maps the paper is bright: no rain hardly tinted, missing grey. Weak rain is blue, strong rain
# yellow to purple, each darker the stronger: blue and yellow are what any colour vision tells apart
DRY_RGB, MISSING_RGB = (248, 248, 248), (176, 176, 176)
MAP_RGB = (
    DRY_RGB,
    (204, 235, 250),
    (140, 204, 237),
    (77, 166, 219),
    (33, 120, 191),
    (250, 217, 77),
    (247, 166, 38),
    (224, 102, 26),
    (166, 31, 51),
    (89, 0, 77),
)
HIT_MISS_RGB = {
    "correct negative": (82, 82, 82),
    "false alarm": (252, 141, 89),
    "miss": (255, 255, 191),
    "hit": (145, 191, 219),
}
# told apart with any colour vision (Okabe and Ito); baselines are drawn grey
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BASELINE_LINES = ("#7F7F7F", "#1A1A1A", "#B0B0B0", "#4D4D4D")


@dataclass(frozen=True)
class Palette:
    """How values become colours: one colour a bin, NaN one of its own, ends extended."""

    colours: Colormap
    norm: BoundaryNorm

    def rgba(self, values: np.ndarray) -> np.ndarray:
        """Colours (..., 4) uint8 of values."""
        return self.colours(self.norm(np.ma.masked_invalid(values)), bytes=True)


@dataclass(frozen=True)
class ValueScale:
    """How values of a unit are drawn: bounds of the colours and the name at their bar."""

    levels: tuple[float, ...]
    label: str


VALUE_SCALES = {
    "VIL": ValueScale(VIL_LEVELS, "VIL (0–255)"),
    "dBZ": ValueScale(DBZ_LEVELS, "reflectivity (dBZ)"),
    "mm/h": ValueScale(RATE_LEVELS, "precipitation rate (mm/h)"),
}


def value_palette(unit: str) -> Palette:
    """Physical values of a unit, a key of VALUE_SCALES."""
    return _palette(VIL_RGB, VALUE_SCALES[unit].levels)


def probability_palette() -> Palette:
    """Probabilities in tenths; below the first tenth the grey of "no rain"."""
    return _palette([VIL_RGB[0], *_ramp("magma", 0.25, 1)], [k / 10 for k in range(11)])


def map_palette(unit: str) -> Palette:
    """Physical values of a unit on a map, see MAP_RGB."""
    return _palette(MAP_RGB, VALUE_SCALES[unit].levels, MISSING_RGB)


def map_probability_palette() -> Palette:
    """Probabilities in tenths on a map, in a hue of their own."""
    return _palette([DRY_RGB, *_ramp("RdPu", 0.15, 1)], [k / 10 for k in range(11)], MISSING_RGB)


def hit_miss_palette() -> Palette:
    """The classes of `hit_miss`, in the order of HIT_MISS_RGB."""
    return _palette(tuple(HIT_MISS_RGB.values()), (-0.5, 0.5, 1.5, 2.5, 3.5))


def hit_miss(forecast: np.ndarray, truth: np.ndarray, threshold: float) -> np.ndarray:
    """Class of every pixel, an index into HIT_MISS_RGB; NaN where a field is. Physical values."""
    classes = reached(forecast, threshold) + 2.0 * reached(truth, threshold)
    return np.where(np.isnan(forecast) | np.isnan(truth), np.nan, classes)


def vil_rgb(vil_0_255: np.ndarray) -> np.ndarray:
    """Colours (..., 3) uint8 of VIL codes; the same as drawing with their `value_palette`."""
    bins = np.searchsorted(VIL_LEVELS, vil_0_255, side="right") - 1
    colours = np.array(VIL_RGB, np.uint8)[np.clip(bins, 0, len(VIL_RGB) - 1)]
    colours[np.isnan(vil_0_255)] = INVALID_RGB
    return colours


def fractions(rgb: RGB) -> RGB:
    """A colour of 0..255 as matplotlib takes it, 0..1."""
    red, green, blue = rgb
    return red / 255, green / 255, blue / 255


def _ramp(name: str, first: float, last: float) -> list[RGB]:
    """Nine colours of a part of matplotlib's colour map."""
    ends = colormaps[name](np.linspace(first, last, 9))
    return [(255 * red, 255 * green, 255 * blue) for red, green, blue, _ in ends]


def _palette(rgb: Sequence[RGB], edges: Sequence[float], missing: RGB = INVALID_RGB) -> Palette:
    scaled = [fractions(colour) for colour in rgb]
    colours = ListedColormap(scaled).with_extremes(
        bad=fractions(missing), under=scaled[0], over=scaled[-1]
    )
    return Palette(colours, BoundaryNorm(edges, len(scaled)))
