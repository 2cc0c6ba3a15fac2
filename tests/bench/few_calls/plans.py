"""What is compared: samplers with a number of network calls, and the settings that they get."""

from __future__ import annotations

from dataclasses import dataclass

from mindcast.diffusion.samplers import require_sampler
from mindcast.diffusion.samplers.base import SPACINGS
from mindcast.refusal import Refusal

FULL = "ddpm"  # with as many calls as the process has noise levels
ALONE, OWN = "network alone", "as configured"


@dataclass(frozen=True)
class Way:
    """One row: a sampler, the placement of its times, network calls; ALONE or OWN settings."""

    sampler: str
    spacing: str
    calls: int
    setting: str = ALONE

    @property
    def parts(self) -> tuple[str, str, str, int]:
        """In the order of the file: setting, sampler, spacing, calls."""
        return self.setting, self.sampler, self.spacing, self.calls

    @property
    def name(self) -> str:
        """Of its line in tables and pictures, without the number of calls."""
        placed = "" if self.spacing == "auto" else f", {self.spacing}"
        return f"{self.sampler}{placed}"


FULLEST = Way(FULL, "auto", 0)  # 0: as many calls as the run's process has levels
AS_CONFIGURED = Way("", "auto", 0, OWN)


def ways(samplers: str, calls: str) -> tuple[Way, ...]:
    """Those of `--samplers NAME[:SPACING],...` and `--calls N,...`; Refusal for no numbers."""
    numbers = []
    for text in calls.split(","):
        if not text.strip().isdecimal() or int(text) < 1:
            raise Refusal(f"--calls: {text!r}, expected numbers of network calls such as 5,10,20")
        numbers.append(int(text))
    found = []
    for name, _, spacing in (part.strip().partition(":") for part in samplers.split(",") if part):
        require_sampler(name)
        if spacing and spacing not in SPACINGS:
            raise Refusal(f"--samplers: {name}:{spacing}, expected one of {', '.join(SPACINGS)}")
        found += [Way(name, spacing or "auto", number) for number in numbers]
    return tuple(found)


def alone(model: str) -> tuple[str, ...]:
    """Settings with which a nowcast is what its network draws and nothing else.

    The demos mix it half and half with motion alone and give it the values of the carried frame,
    which hides what a sampler does.
    """
    where = {"prediff": "model.motion", "diffcast": "model.advection.motion"}.get(model)
    return () if where is None else (f"{where}.learned_share=1", f"{where}.match_values=false")
