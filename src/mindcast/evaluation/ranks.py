"""The rank of the truth among the members of an ensemble, counted."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.means import ratio


class Ranks:
    """Weight of the points whose truth has rank r = 0..M among M members, by index of axis 1.

    The rank is the number of members below the truth. Where members equal it, the point counts
    for all the ranks that the truth could have among them, in equal parts: what drawing one of them
    gives on average, without a draw. Flat for a reliable ensemble; a U means too little spread, a
    slope a bias.
    """

    def __init__(self, size: int, members: int) -> None:
        # by members below and members equal: sums of whole numbers, which are exact in any order
        self.table = np.zeros((size, members + 1, members + 1))

    def add(self, ensemble: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> None:
        """Add (N, M, size, ...), (N, size, ...) and how much each point counts, (N, size, ...)."""
        below = np.count_nonzero(ensemble < truth[:, None], axis=1)
        equal = np.count_nonzero(ensemble == truth[:, None], axis=1)
        for index, table in enumerate(self.table):
            place = np.ravel_multi_index((below[:, index], equal[:, index]), table.shape)
            counts = np.bincount(place.ravel(), weight[:, index].ravel(), minlength=table.size)
            table += counts.reshape(table.shape)

    @property
    def each(self) -> np.ndarray:
        """Shares (size, M + 1), those of an index sum to 1; NaN for one without any weight."""
        counts = self._counts()
        return ratio(counts, counts.sum(axis=-1, keepdims=True))

    @property
    def pooled(self) -> np.ndarray:
        """Shares (M + 1,) of all points, whatever their index."""
        counts = self._counts().sum(axis=0)
        return ratio(counts, counts.sum())

    def _counts(self) -> np.ndarray:
        counts = np.zeros(self.table.shape[:2])
        for below, equal in np.ndindex(self.table.shape[1:]):
            counts[:, below : below + equal + 1] += self.table[:, below, equal, None] / (equal + 1)
        return counts
