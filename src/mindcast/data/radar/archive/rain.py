"""A random radar event: rain cells that move, grow and decay in rain areas, with fine texture.

Made to be learnable like the real thing: a steering flow carries everything, so most of the next
hour follows from the last; cells are born and die, so some of it does not. Values are VIL codes
(0..255); most pixels are dry, a tenth or so is heavy, hail (219 and more) is rare.
The domain is always 256 km wide, whatever the number of pixels. Own construction, no source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

DOMAIN_KM = 256.0
MARGIN_KM = 60.0  # cells may start and end outside the picture
REACH = 3.5  # standard deviations to which a cell is drawn
TEXTURE_LIFETIME_MINUTES = 90.0  # of the largest scale; smaller ones live shorter
TEXTURE_SLOPE = 1.4  # of the amplitude spectrum
TEXTURE_CODES = 30.0  # standard deviation
AREA_LIMIT_CODES = 180.0
DRY_OFFSET_CODES = 62.0  # what must be exceeded for rain to show: makes sharp edges


@dataclass(frozen=True)
class Cells:
    """Elliptic Gaussian rain cells; arrays of one value a cell, lengths in km, times in minutes."""

    x: np.ndarray  # at the middle of the life
    y: np.ndarray
    u: np.ndarray  # own motion, km per minute, in addition to the steering flow
    v: np.ndarray
    middle: np.ndarray
    lifetime: np.ndarray
    peak: np.ndarray  # codes
    length: np.ndarray
    aspect: np.ndarray
    angle: np.ndarray

    def at(self, minute: float, flow: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """Sum of the cells, in codes, on the grid of `xs` (W,) and `ys` (H,)."""
        age = minute - self.middle
        alive = np.abs(age) < self.lifetime / 2
        field = np.zeros((len(ys), len(xs)))
        for c in np.flatnonzero(alive):
            dx = xs - (self.x[c] + (flow[0] + self.u[c]) * age[c])
            dy = ys - (self.y[c] + (flow[1] + self.v[c]) * age[c])
            reach = REACH * self.length[c] * self.aspect[c]
            columns, rows = np.flatnonzero(abs(dx) < reach), np.flatnonzero(abs(dy) < reach)
            if not (columns.size and rows.size):
                continue
            dx, dy = dx[columns], dy[rows, np.newaxis]
            cos, sin = np.cos(self.angle[c]), np.sin(self.angle[c])
            along = (cos * dx + sin * dy) / (self.length[c] * self.aspect[c])
            across = (cos * dy - sin * dx) / self.length[c]
            strength = self.peak[c] * np.cos(np.pi * age[c] / self.lifetime[c]) ** 2
            field[np.ix_(rows, columns)] += strength * np.exp(-0.5 * (along**2 + across**2))
        return field


def rain_event(
    rng: np.random.Generator, size: int, frames: int, interval_minutes: int
) -> np.ndarray:
    """One event, (H, W, T) uint8 codes with H = W = `size`."""
    duration = frames * interval_minutes
    speed, heading = rng.uniform(0.2, 0.8), rng.normal(0.0, 0.7)  # km per minute; mostly eastward
    flow = speed * np.array([np.cos(heading), np.sin(heading)])
    areas = _areas(rng, duration)
    storms = _storms(rng, areas, flow, duration)
    centres = (np.arange(size) + 0.5) * DOMAIN_KM / size
    event = np.empty((size, size, frames), np.uint8)
    for t, texture in enumerate(_textures(rng, flow, size, frames, interval_minutes)):
        minute = t * interval_minutes
        wide = areas.at(minute, flow, centres, centres)
        codes = AREA_LIMIT_CODES * np.tanh(wide / AREA_LIMIT_CODES)  # areas that overlap level off
        codes += storms.at(minute, flow, centres, centres)
        codes += TEXTURE_CODES * texture - DRY_OFFSET_CODES
        event[..., t] = np.clip(codes, 0, 254)
    return event


def _areas(rng: np.random.Generator, duration: float) -> Cells:
    """Wide, long-lived areas of moderate rain."""
    n = 8 + rng.poisson(5)
    low, high = -MARGIN_KM, DOMAIN_KM + MARGIN_KM
    return Cells(
        x=rng.uniform(low, high, n),
        y=rng.uniform(low, high, n),
        u=rng.normal(0.0, 0.05, n),
        v=rng.normal(0.0, 0.05, n),
        middle=rng.uniform(-150.0, duration + 150.0, n),
        lifetime=rng.uniform(180.0, 600.0, n),
        peak=rng.uniform(120.0, 320.0, n),
        length=rng.uniform(12.0, 36.0, n),
        aspect=rng.uniform(1.0, 2.5, n),
        angle=rng.uniform(0.0, np.pi, n),
    )


def _storms(rng: np.random.Generator, areas: Cells, flow: np.ndarray, duration: float) -> Cells:
    """Small, short-lived, intense cells around the areas, moving with them."""
    n = 40 + rng.poisson(60)
    home = rng.integers(len(areas.x), size=n)
    middle = rng.uniform(-30.0, duration + 30.0, n)
    age = middle - areas.middle[home]
    spread = areas.length[home]
    return Cells(
        x=areas.x[home] + (flow[0] + areas.u[home]) * age + rng.normal(0.0, spread),
        y=areas.y[home] + (flow[1] + areas.v[home]) * age + rng.normal(0.0, spread),
        u=areas.u[home] + rng.normal(0.0, 0.08, n),
        v=areas.v[home] + rng.normal(0.0, 0.08, n),
        middle=middle,
        lifetime=rng.uniform(50.0, 160.0, n),
        peak=30.0 + rng.exponential(45.0, n),
        length=rng.uniform(2.5, 8.0, n),
        aspect=rng.uniform(1.0, 2.0, n),
        angle=rng.uniform(0.0, np.pi, n),
    )


def _textures(
    rng: np.random.Generator, flow: np.ndarray, size: int, frames: int, interval_minutes: int
) -> Iterator[np.ndarray]:
    """Unit-variance noise of all scales that drifts with the flow and slowly becomes another.

    Every Fourier mode is a first-order autoregression with a lifetime that falls with its scale
    as (wavelength)^(2/3); the drift is a phase, so it is exact for any speed.
    """
    ky = np.fft.fftfreq(size, 1 / size)[:, np.newaxis]
    kx = np.fft.rfftfreq(size, 1 / size)
    k = np.hypot(kx, ky)
    k[0, 0] = np.inf  # no mean
    amplitude = k**-TEXTURE_SLOPE
    both = np.where((kx == 0) | (kx == size / 2), 1, 2)  # rfft2 keeps one of two conjugate modes
    amplitude /= np.sqrt(np.sum(both * amplitude**2)) / size  # unit variance for white noise
    keep = np.exp(-interval_minutes / TEXTURE_LIFETIME_MINUTES * k ** (2 / 3))
    modes = np.fft.rfft2(rng.standard_normal((size, size)))
    drift = -2j * np.pi / DOMAIN_KM * (kx * flow[0] + ky * flow[1])
    for t in range(frames):
        yield np.fft.irfft2(amplitude * modes * np.exp(drift * t * interval_minutes), (size, size))
        fresh = np.fft.rfft2(rng.standard_normal((size, size)))
        modes = keep * modes + np.sqrt(1 - keep**2) * fresh
