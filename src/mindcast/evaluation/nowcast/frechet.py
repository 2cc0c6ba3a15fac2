"""Frechet distance between two sets of features, and how videos are made ready for I3D.

The Frechet video distance (FVD) takes as features the 400 logits of an I3D network trained on
Kinetics-400, averaged over time. Those weights are not shipped here, so FVD itself is not among
the scores of a report: whoever has them runs the network on `i3d_input` and gives the features to
`FeatureMoments`, truths in one, forecasts in another.
"""

from __future__ import annotations

import numpy as np

I3D_RESOLUTION, I3D_MIN_FRAMES = 224, 9


class FeatureMoments:
    """Mean and unbiased covariance of feature vectors that come in batches, in float64."""

    def __init__(self, features: int) -> None:
        self.count = 0
        self.mean = np.zeros(features)
        self.scatter = np.zeros((features, features))

    def update(self, features: np.ndarray) -> None:
        """Add (N, features) vectors; merged about the batch's mean, so nothing cancels."""
        batch = np.asarray(features, np.float64)
        if batch.ndim != 2 or batch.shape[1] != len(self.mean):
            raise ValueError(f"got features {batch.shape}, expected (N, {len(self.mean)})")
        if not len(batch):
            return
        centre = batch.mean(axis=0)
        shift, total = centre - self.mean, self.count + len(batch)
        self.scatter += (batch - centre).T @ (batch - centre)
        self.scatter += np.outer(shift, shift) * (self.count * len(batch) / total)
        self.mean += shift * (len(batch) / total)
        self.count = total

    @property
    def covariance(self) -> np.ndarray:
        """(features, features); ValueError below two vectors."""
        if self.count < 2:
            raise ValueError(f"got {self.count} feature vectors, a covariance needs at least 2")
        return self.scatter / (self.count - 1)


def frechet_distance(real: FeatureMoments, fake: FeatureMoments) -> float:
    """Squared Frechet (2-Wasserstein) distance of two Gaussians, Heusel et al. 2017, eq. 6.

    |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2). The last trace is the sum of the singular
    values of S1^(1/2) S2^(1/2), which stays real where the product's eigenvalues, needed by the
    plain formula, turn complex from rounding.
    """
    first, second = real.covariance, fake.covariance
    overlap = np.linalg.norm(_square_root(first) @ _square_root(second), "nuc")
    shift = np.square(real.mean - fake.mean).sum()
    return float(shift + np.trace(first) + np.trace(second) - 2 * overlap)


def _square_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def i3d_input(videos: np.ndarray, resolution: int = I3D_RESOLUTION) -> np.ndarray:
    """Frames (N, T, H, W, C) in [0, 1] as I3D takes them: (N, 3, T', resolution, resolution).

    The shorter side is resized to `resolution` (the longer in proportion, rounded up), the centre
    cut out, values mapped to [-1, 1], one channel copied to three. Videos below 9 frames have each
    frame repeated until there are 9 or more (6 frames: twice, so T' = 12).
    """
    if videos.shape[-1] not in (1, 3):
        raise ValueError(f"got {videos.shape[-1]} channels, expected 1 or 3")
    repeats = -(-I3D_MIN_FRAMES // videos.shape[1])
    frames = np.repeat(preprocess(videos, resolution), repeats, axis=2)
    return np.repeat(frames, 3 // videos.shape[-1], axis=1)


def preprocess(videos: np.ndarray, resolution: int) -> np.ndarray:
    """Resized, cut and mapped to [-1, 1] as in `i3d_input`: (N, C, T, resolution, resolution)."""
    sides = videos.shape[2:4]
    shorter = min(sides)
    for axis, side in zip((2, 3), sides, strict=True):
        # integers: side * (resolution / side) may exceed resolution by a rounding error
        videos = _resize(videos, axis, -(-side * resolution // shorter))
        start = (videos.shape[axis] - resolution) // 2
        videos = np.take(videos, np.arange(start, start + resolution), axis=axis)
    return np.moveaxis(videos * 2 - 1, -1, 1)


def _resize(field: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Linear interpolation at pixel centres (align_corners False), edges clamped, no smoothing."""
    length = field.shape[axis]
    position = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    low = np.minimum(position.astype(np.int64), max(length - 2, 0))
    high = np.minimum(low + 1, length - 1)
    shape = [size if a == axis else 1 for a in range(field.ndim)]
    weight = (position - low).astype(field.dtype).reshape(shape)
    return np.take(field, low, axis) * (1 - weight) + np.take(field, high, axis) * weight
