"""The dynamic loss scale of a training in float16 (Micikevicius et al. 2018, section 3.2).

A gradient below 6e-8 is zero in float16 and one above 65504 infinite. So the loss is multiplied by
a power of two, by which the gradients are divided in float32. MindSpore's `DynamicLossScaler` does
the same; this one is plain numbers, so that a checkpoint can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAST, LARGEST = 1.0, 2.0**40


@dataclass
class LossScale:
    """The factor of the loss, and how it came to be; 1 and unused unless `active`.

    good: steps since it last changed; after `growth_steps` of them it doubles. skipped: steps whose
    gradients were not finite, so that neither weights nor moments nor averages moved.
    """

    value: float
    growth_steps: int
    active: bool
    good: int = 0
    skipped: int = 0

    @property
    def exhausted(self) -> bool:
        """Whether it has been halved below 1: then the network itself leaves float16's range."""
        return self.active and self.value < LEAST

    def settle(self, overflowed: bool) -> None:
        """A step is over: halve after one that overflowed, double after enough that did not."""
        if overflowed:
            self.value, self.good, self.skipped = self.value / 2, 0, self.skipped + 1
            return
        self.good += 1
        if self.good >= self.growth_steps:
            self.value, self.good = min(2 * self.value, LARGEST), 0

    def saved(self) -> dict[str, float | None]:
        """What a resumed training needs, for JSON, which keeps every bit."""
        value = self.value if self.active else None
        return {"value": value, "good": self.good, "skipped": self.skipped}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `saved` gave; a scale that was not in use is not taken over."""
        self.skipped = int(saved["skipped"])
        if self.active and saved["value"] is not None:
            self.value, self.good = float(saved["value"]), int(saved["good"])
