"""The unit that an HDF5 file states for its values: one of another quantity is refused.

Codes have none, so that any text but the name of another quantity will do.
"""

from __future__ import annotations

import re

import h5py

from mindcast.data.radar.attributes import plain
from mindcast.data.radar.hdf5 import attribute_of
from mindcast.data.radar.values import StoredScale
from mindcast.refusal import Refusal

NAMES = ("units", "unit")
AMOUNTS = r"\b(mm|cm|m|inch|in|kg|g)\b"  # rain rates, amounts of rain, water in a column
# unit of a scale -> what its values cannot be in
OTHERS = {
    "dBZ": re.compile(AMOUNTS, re.IGNORECASE),
    "VIL": re.compile(rf"{AMOUNTS}|\bdBZ?\b", re.IGNORECASE),
}


def check_unit(dataset: h5py.Dataset, scale: StoredScale, where: str) -> None:
    """Refusal, which begins with `where`, for values that the file calls another quantity.

    The dataset's own attribute counts, else that of the nearest group above it.
    """
    holder: h5py.HLObject = dataset
    while True:
        stated = [(name, plain(attribute_of(holder, name, where))) for name in NAMES]
        texts = [(name, found) for name, found in stated if isinstance(found, str) and found]
        for name, found in texts:
            if OTHERS[scale.unit].search(found):
                raise Refusal(
                    f"{where}: {name} = {found!r}, expected {scale.expected}; turn the values "
                    "into these, or mend the attribute if it is wrong"
                )
        if texts or holder.name in ("/", None):
            return
        holder = holder.parent
