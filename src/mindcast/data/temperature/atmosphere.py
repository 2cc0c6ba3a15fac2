"""A made-up state of the lower and middle atmosphere over a made-up country.

Built to be downscaled: fronts narrower than a coarse cell, near-surface structure that follows the
terrain and the coast, and finer texture that nothing predicts. Hydrostatic; the wind is geostrophic
plus a weaker divergent part, omega is that of continuity. Own construction, no source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from mindcast.data.temperature.grid import Grid, regular_grid
from mindcast.physics import vertical
from mindcast.physics.constants import GAS_CONSTANT, GRAVITY
from mindcast.physics.horizontal import divergence, gradient
from mindcast.physics.wind import geostrophic_wind, omega_from_continuity

LEVELS_HPA = (1000.0, 925.0, 850.0, 700.0, 500.0, 400.0, 300.0, 200.0)
PRESSURE = 100.0 * np.array(LEVELS_HPA)
NORTH, SOUTH = 60.0, 28.0  # degrees; the domain is always 32 degrees high
LOWEST_TEMPERATURE = 216.65  # of the standard atmosphere, K
SCALE_HEIGHT = 800.0  # m, over which the ground is felt


@dataclass(frozen=True)
class Country:
    """Grid and ground: orography (H, W) in m, land (H, W) 0 or 1."""

    grid: Grid
    orography: np.ndarray
    land: np.ndarray


def country(rng: np.random.Generator, height: int, width: int) -> Country:
    """A coast and mountains on a latitude-longitude grid, rows from north to south."""
    step = (NORTH - SOUTH) / height
    grid = regular_grid(NORTH - step * np.arange(height), step * np.arange(width))
    inland = np.maximum(texture(rng, (height, width), 2.5) + 0.3, 0)
    ridges = np.maximum(texture(rng, (height, width), 1.6), 0)
    return Country(grid, inland * (150 + 900 * ridges**1.5), (inland > 0).astype(float))


def draw_state(rng: np.random.Generator, where: Country) -> dict[str, np.ndarray]:
    """One state by the short names of its variables: t, u, v, w, gh (Z, H, W) and sp (H, W)."""
    t = _large_scale(rng, where.grid) + _near_ground(rng, where) + _fine_scale(rng, where.grid)
    gh = _heights(rng, t)
    # the wind feels what is wider than the finest cells
    smooth = gaussian_filter(gh, (0, 2, 2), mode="nearest")
    u, v = geostrophic_wind(smooth, where.grid.latitude, where.grid.metric)
    for part, extra in zip((u, v), _divergent_wind(rng, where.grid), strict=True):
        part += extra
    w = omega_from_continuity(divergence(u, v, where.grid.metric), PRESSURE)
    sp = _surface_pressure(t, gh, where.orography)
    return {"t": t, "u": u, "v": v, "w": w, "gh": gh, "sp": sp}


def texture(rng: np.random.Generator, shape: tuple[int, ...], slope: float) -> np.ndarray:
    """(H, W) noise of mean 0 and variance 1 whose amplitude falls as wavenumber^-slope."""
    full = (2 * shape[0], 2 * shape[1])  # half of it is kept, which is not periodic
    k = np.hypot(
        np.fft.fftfreq(full[0])[:, np.newaxis] * full[0], np.fft.rfftfreq(full[1]) * full[0]
    )
    k[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(full)) * k**-slope, full)
    part = noise[: shape[0], : shape[1]]
    return (part - part.mean()) / part.std()


def _large_scale(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Standard atmosphere, warmer in the south, along a front that meanders and leans polewards."""
    height_share = 1 - PRESSURE[:, np.newaxis, np.newaxis] / PRESSURE[0]
    mean = np.maximum(288.15 * (1 - height_share) ** 0.19, LOWEST_TEMPERATURE)
    contrast = np.clip((PRESSURE - 25000) / 75000, -0.15, 1)[:, np.newaxis, np.newaxis]
    along = np.radians(grid.longitude)
    front = rng.uniform(40, 48) + 8 * height_share
    for wave in (5, 8, 12):
        amplitude, phase = rng.normal(0, 18 / wave), rng.uniform(0, 2 * np.pi)
        front = front + amplitude * np.sin(wave * along + phase + 1.5 * height_share)
    distance = grid.latitude - front
    step = 0.65 * np.tanh(distance / 9) + 0.35 * np.tanh(distance / rng.uniform(0.5, 1.5))
    return mean - 14 * contrast * step


def _near_ground(rng: np.random.Generator, where: Country) -> np.ndarray:
    """Day or night: land warmer or colder than the sea, high ground more so than low."""
    heights = 44330 * (1 - (PRESSURE / 101325) ** 0.19)  # of the standard atmosphere, m
    above = np.maximum(heights[:, np.newaxis, np.newaxis] - where.orography, 0)
    return (
        rng.uniform(-5, 5) * np.exp(-above / SCALE_HEIGHT) * (where.land + where.orography / 1000)
    )


def _fine_scale(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Texture that turns into another one with height."""
    turn = np.pi / 2 * np.log(PRESSURE[0] / PRESSURE) / np.log(PRESSURE[0] / PRESSURE[-1])
    low, high = (texture(rng, grid.shape, 1.4) for _ in range(2))
    turn = turn[:, np.newaxis, np.newaxis]
    return 1.0 * (np.cos(turn) * low + np.sin(turn) * high)


def _heights(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
    """Geopotential height, m: that of the lowest level drawn, the others hydrostatic."""
    lowest = 110 + 60 * texture(rng, t.shape[1:], 3.0)
    layers = vertical.along_levels(vertical.thickness(PRESSURE), t)
    return np.cumsum(np.concatenate([lowest[np.newaxis], layers]), axis=0)


def _divergent_wind(rng: np.random.Generator, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of a potential that changes sign between bottom and top."""
    profile = np.cos(np.pi * (PRESSURE[0] - PRESSURE) / (PRESSURE[0] - PRESSURE[-1]))
    potential = 1e6 * texture(rng, grid.shape, 3.0) * profile[:, np.newaxis, np.newaxis]
    return gradient(potential, grid.metric)


def _surface_pressure(t: np.ndarray, gh: np.ndarray, orography: np.ndarray) -> np.ndarray:
    """Pressure (Pa) at the ground: ln p linear in height, hydrostatic below the lowest level."""
    lift = GRAVITY / (GAS_CONSTANT * t[0]) * (gh[0] - orography)
    log_p = np.log(PRESSURE[0]) + lift
    for k in range(len(t) - 1):
        share = (orography - gh[k]) / (gh[k + 1] - gh[k])
        inside = (share >= 0) & (share < 1)
        between = np.log(PRESSURE[k]) + share * np.log(PRESSURE[k + 1] / PRESSURE[k])
        log_p = np.where(inside, between, log_p)
    return np.exp(log_p)
