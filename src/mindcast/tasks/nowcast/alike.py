"""Whether forecast files can be scored together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindcast.data.forecasts.read import ForecastFile
from mindcast.refusal import Refusal

REMEDY = "score them one by one"


def check_alike(files: Sequence[ForecastFile]) -> None:
    """Refusal unless all have the first one's unit, members, lead times and size of frames."""
    first = files[0]
    for file in files[1:]:
        for what, found, expected in (
            ("unit", file.unit, first.unit),
            ("number of members", file.members, first.members),
            ("frame", file.shape, first.shape),
            ("number of lead times", len(file.times.leads), len(first.times.leads)),
        ):
            if found != expected:
                raise Refusal(
                    f"{file.path}: its {what} is {found}, that of {first.path} {expected}; {REMEDY}"
                )
        if (file.times.leads != first.times.leads).any():
            differs = np.flatnonzero(file.times.leads != first.times.leads)[0]
            raise Refusal(
                f"{file.path}: its lead time {differs + 1} is {file.times.leads[differs]}, that of "
                f"{first.path} {first.times.leads[differs]}; {REMEDY}"
            )
