"""Whether stored values are of the scale that the settings name, by a few sequences of every file.

codes 0..255   at most 80 everywhere: dBZ; at most 1: already divided
physical dBZ   above the value scale: codes 0..255; at most 1: already divided
"""

from __future__ import annotations

from mindcast.data.radar.sequences.files import SequenceFiles, Stored
from mindcast.refusal import Refusal

DBZ_MAX = 80.0  # no radar reports more
SAMPLED = 8  # sequences of a file whose values are looked at


def check_scale(files: SequenceFiles, stored: list[Stored]) -> None:
    """Refusal if a few of these sequences, all of one file, look like values of another scale.

    Sequences that are 0 everywhere show no scale and pass.
    """
    looked_at = stored[:: -(-len(stored) // SAMPLED)]
    scaled = max(float(files.read(one).max()) for one in looked_at)
    high = round(scaled * files.stored_maximum, 4)  # as stored
    if not high or high > (1 if files.layout.physical else DBZ_MAX):
        return
    kind = "values already divided into 0..1" if high <= 1 else "dBZ"
    raise Refusal(
        f"{stored[0].path}: the largest value in {len(looked_at)} sequences of "
        f"{stored[0].name.split('/')[0]} is {high:g}, which looks like {kind}, expected "
        f"{files.expected}; fix data.name, or set data.check_values=false if it is right"
    )
