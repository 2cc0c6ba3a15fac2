"""The samplers by name. NumPy only: a plan can be checked before MindSpore is loaded."""

from __future__ import annotations

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import ddim, ddpm, dpmpp_2m, dpmpp_2m_sde
from mindcast.diffusion.samplers.base import SPACINGS, TRAILING, Plan, Sampler, SamplerStep
from mindcast.refusal import Refusal

__all__ = ["SAMPLERS", "Plan", "Sampler", "SamplerStep", "make_plan", "require_sampler"]

AUTO = "auto"
SAMPLERS: dict[str, Sampler] = {
    "ddpm": ddpm.plan,
    "ddim": ddim.plan,
    "dpmpp_2m": dpmpp_2m.plan,
    "dpmpp_2m_sde": dpmpp_2m_sde.plan,
}


def require_sampler(name: str) -> None:
    """Refusal that lists the names, unless it is one of them."""
    if name not in SAMPLERS:
        raise Refusal(f"sampling.sampler: {name!r}, expected one of {', '.join(SAMPLERS)}")


def make_plan(
    name: str, process: DiffusionProcess, steps: int, eta: float = 0.0, spacing: str = AUTO
) -> Plan:
    """The plan of sampler `name` with `steps` steps, noisiest first.

    eta in [0, 1]: share of the ancestral noise, for samplers that have the choice.
    spacing: how the times are placed, a name of `base.SPACINGS`; "auto" is "trailing". With as many
    steps as the process has levels every one visits all of them. Raises Refusal for an unknown
    name, more steps than levels, or an impossible eta.
    """
    require_sampler(name)
    if not 1 <= steps <= process.timesteps:
        raise Refusal(
            f"sampling.steps: {steps}, expected 1 to {process.timesteps}, "
            "the number of noise levels that the model was trained with"
        )
    if not 0 <= eta <= 1:
        raise Refusal(f"sampling.eta: {eta}, expected a number from 0 to 1")
    spacing = TRAILING if spacing == AUTO else spacing
    if spacing not in SPACINGS:
        raise Refusal(
            f"sampling.spacing: {spacing!r}, expected one of {', '.join((AUTO, *SPACINGS))}"
        )
    return SAMPLERS[name](process, SPACINGS[spacing](process, steps), eta)
