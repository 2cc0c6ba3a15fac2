"""Which network a state dict is, found from its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mindcast.conversion.nesting import COPIES, EMA, RAW, StateDicts
from mindcast.models import MODELS, load_spec
from mindcast.models.base import ModelSpec
from mindcast.models.released import ReleasedNetwork
from mindcast.refusal import Refusal

AVERAGES = "model_ema."  # before the names of averages, which have lost their dots
OF_AVERAGING = ("decay", "num_updates")
ALL = "all"


@dataclass(frozen=True)
class Candidate:
    """A network that a state dict may hold, all names of it below `prefix`."""

    spec: ModelSpec
    network: ReleasedNetwork
    prefix: str

    @property
    def stage(self) -> str:
        return self.network.stage

    def __str__(self) -> str:
        under = f" under {self.prefix}" if self.prefix else ""
        return f"{self.spec.name}/{self.stage}{under}"


@dataclass(frozen=True)
class Recognised:
    """The network that is taken out of a file.

    copy: "raw" or "ema", of `available`. inside: its arrays under the reference's names.
    beside: the other arrays of the state dict, by the names of the file. elsewhere: networks in it
    that are not taken, nor a part of what is.
    """

    chosen: Candidate
    copy: str
    available: tuple[str, ...]
    inside: Mapping[str, np.ndarray]
    beside: Mapping[str, np.ndarray]
    elsewhere: tuple[Candidate, ...]


def recognise(found: StateDicts, stage: str, copy: str | None) -> Recognised:
    """The network of that stage ("all": the one that the file is about) in the copy asked for.

    Refusal where there is none, where there are several, or where that copy is not there.
    """
    first = next(iter(found.copies))
    state = found.copies[RAW] if RAW in found.copies else found.copies[first]
    candidates = list(_candidates(state))
    chosen = _choose(candidates, state, stage)
    common = chosen.spec.released.common(state)
    inside = _below(common, chosen.prefix)
    copies: dict[str, Mapping[str, np.ndarray]] = {first: inside}
    if EMA in found.copies and first != EMA:
        copies[EMA] = _below(chosen.spec.released.common(found.copies[EMA]), chosen.prefix)
    elif first == RAW and not _is_companion(chosen):
        copies |= _averages(state, inside)
    kind = _kind(tuple(copies), copy, chosen)
    beside = {n: a for n, a in state.items() if not n.startswith(chosen.prefix)}
    elsewhere = [c for c in candidates if c.prefix != chosen.prefix and not _holds(chosen, c)]
    return Recognised(chosen, kind, tuple(copies), copies[kind], beside, tuple(elsewhere))


def _candidates(state: Mapping[str, np.ndarray]) -> Iterator[Candidate]:
    for model in MODELS:
        spec = load_spec(model)
        names = spec.released.common(state).keys()
        for network in spec.released.networks:
            first, *more = network.has
            for name in names:
                if name != first and not name.endswith(f".{first}"):
                    continue
                prefix = name.removesuffix(first)
                if all(prefix + other in names for other in more):
                    yield Candidate(spec, network, prefix)


def _choose(candidates: list[Candidate], state: Mapping[str, np.ndarray], stage: str) -> Candidate:
    if not candidates:
        some = ", ".join(list(state)[:2])
        raise Refusal(
            f"its {len(state)} tensors are of no network known here ({some} ...); expected one of "
            f"{', '.join(MODELS)}"
        )
    wanted = [c for c in candidates if stage in (ALL, c.stage)]
    if not wanted:
        held = ", ".join(map(str, candidates))
        raise Refusal(f"holds {held}, no stage {stage}; leave out --stage")
    if stage == ALL:
        wanted = [c for c in wanted if not any(_holds(o, c) for o in wanted)]
        wanted = [c for c in wanted if not _is_companion(c)] or wanted
    if len(wanted) > 1:
        held = ", ".join(map(str, wanted))
        raise Refusal(f"holds several networks ({held}); choose one with --stage")
    return wanted[0]


def _holds(one: Candidate, other: Candidate) -> bool:
    """Whether a network has another one of the same model as its part."""
    part = one.spec is other.spec and other.stage in one.network.parts
    return part and other.prefix.startswith(one.prefix)


def _is_companion(candidate: Candidate) -> bool:
    companion = candidate.network.companion
    return bool(companion) and candidate.prefix.endswith(companion)


def _below(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in state.items() if n.startswith(prefix)}


def _averages(
    state: Mapping[str, np.ndarray], inside: Mapping[str, np.ndarray]
) -> dict[str, Mapping[str, np.ndarray]]:
    """The averages of a network whose names have lost their dots, by its names; none: nothing."""
    if not any(name.startswith(AVERAGES) for name in state):
        return {}
    dotless: dict[str, str] = {}
    for name in inside:
        if dotless.setdefault(name.replace(".", ""), name) != name:
            raise Refusal(f"{name} and another name are the same without dots; use another file")
    averages = {}
    for short, array in _below(state, AVERAGES).items():
        if short in dotless:
            averages[dotless[short]] = array
        elif short not in OF_AVERAGING:
            raise Refusal(f"{AVERAGES}{short} is the average of no tensor; use another file")
    return {EMA: averages}


def _kind(available: tuple[str, ...], wanted: str | None, chosen: Candidate) -> str:
    if wanted is not None and wanted not in available:
        raise Refusal(f"holds the {available[0]} weights alone; leave out --weights {wanted}")
    if wanted is not None:
        return wanted
    usual = chosen.spec.released.copy
    return usual if usual in available else next(kind for kind in COPIES if kind in available)
