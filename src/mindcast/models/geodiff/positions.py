"""Where the levels are, as tables: rotations and buckets of relative positions. NumPy only."""

from __future__ import annotations

import math

import numpy as np

from mindcast.physics.constants import REFERENCE_PRESSURE

LONGEST_WAVE = 10000.0


def level_positions(pressure_hpa: np.ndarray, coordinate: str) -> np.ndarray:
    """(Z,) positions 0 .. Z-1: of the index ("index"), or spaced as ln p is ("ln_p")."""
    levels = len(pressure_hpa)
    if coordinate == "index":
        return np.arange(levels, dtype=np.float64)
    return (levels - 1) * relative_height(pressure_hpa)


def relative_height(pressure_hpa: np.ndarray) -> np.ndarray:
    """ln(p / p_bottom) / ln(p_top / p_bottom): 0 at the bottom level, 1 at the top one."""
    s = np.log(np.asarray(pressure_hpa, np.float64))
    return (s - s[0]) / (s[-1] - s[0])


def rotary_frequencies(rotated: int) -> np.ndarray:
    """(rotated / 2,) angles a unit of position: 10000^(-2 i / rotated)."""
    return LONGEST_WAVE ** (-np.arange(0, rotated, 2) / rotated)


def rotation_matrices(positions: np.ndarray, size: int, rotated: int) -> np.ndarray:
    """(Z, size, size): a row vector of features times one is turned as its level wants.

    Pair (2 i, 2 i + 1) turns by position x frequency i; features from `rotated` on stay.
    """
    angle = np.outer(positions, rotary_frequencies(rotated).astype(np.float32))
    even = np.arange(0, rotated, 2)
    matrices = np.tile(np.eye(size), (len(positions), 1, 1))
    matrices[:, even, even] = matrices[:, even + 1, even + 1] = np.cos(angle)
    matrices[:, even, even + 1] = np.sin(angle)
    matrices[:, even + 1, even] = -np.sin(angle)
    return matrices


def bucket_table(levels: int, buckets: int, max_distance: int) -> np.ndarray:
    """(Z, Z) int: the bucket of query i and key j (Raffel et al. 2020).

    Half of the buckets for keys after the query; in each half the first half holds one distance
    each, the others widen logarithmically up to `max_distance`.
    """
    distance = np.arange(levels)[:, None] - np.arange(levels)
    half = buckets // 2
    exact = half // 2
    far = _log_bucket(np.maximum(np.abs(distance), exact), exact, half, max_distance)
    near = np.abs(distance)
    return np.where(distance < 0, half, 0) + np.where(near < exact, near, far)


def _log_bucket(distance: np.ndarray, exact: int, half: int, max_distance: int) -> np.ndarray:
    # in float32 as in the reference: at the edges of a bucket the last bit decides
    ratio = np.log(distance.astype(np.float32) / np.float32(exact))
    scaled = ratio / np.float32(math.log(max_distance / exact)) * np.float32(half - exact)
    return np.minimum(exact + scaled.astype(np.int64), half - 1)


def level_coordinate(pressure_hpa: np.ndarray) -> np.ndarray:
    """(Z,) input channel: ln(p / p_0) / ln(p_top / p_0), p_0 = 1000 hPa."""
    s = np.log(np.asarray(pressure_hpa, np.float64) * 100 / REFERENCE_PRESSURE)
    return s / s[-1]
