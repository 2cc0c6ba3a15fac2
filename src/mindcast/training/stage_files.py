"""What a stage in training leaves in its run: networks to use, and a state to go on from."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspore import Parameter, nn

from mindcast.config.schema import RunSettings
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import RunFolder, keep_networks, network_path, state_path
from mindcast.training import checkpoint, stored
from mindcast.training.diagnostics import PendingDiagnostics
from mindcast.training.origin import check_origin, settings_in, warn_of_other_data
from mindcast.training.train_step import ObjectiveStep

LOSS_SCALES = "loss_scales"  # of every objective, in the information of a state


@dataclass
class Position:
    """How far a stage has come: optimiser steps done and the best validation value so far."""

    step: int = 0
    best: float = math.inf
    best_step: int = 0


@dataclass(frozen=True)
class StageFiles:
    """The checkpoints of one stage.

    A state holds all that moves in a training: `parameters`, the loss scales of the `steps`, the
    diagnostics that are not logged yet and the position. frozen: networks that it builds on, which
    have checkpoints of their own. writes: whether this process does; all of them read.
    """

    spec: ModelSpec
    settings: RunSettings
    stage: str
    total: int
    folder: RunFolder
    network: nn.Cell
    frozen: Mapping[str, nn.Cell]
    steps: Sequence[ObjectiveStep]
    pending: PendingDiagnostics
    writes: bool

    @property
    def state(self) -> Path:
        """Where the state lies, or will."""
        return state_path(self.folder.checkpoints, self.stage)

    def parameters(self) -> list[Parameter]:
        """Weights, statistics, moments and averages, each once; the network's own come first."""
        own = {id(p): p for p in self.network.get_parameters()}
        others = {id(p) for network in self.frozen.values() for p in network.get_parameters()}
        for step in self.steps:
            own |= {id(p): p for p in step.state() if id(p) not in others and id(p) not in own}
        return list(own.values())

    def save_network(self, which: str, position: Position) -> None:
        """The weights as they are now as the "best" or "last" network."""
        if self.writes:
            path = network_path(self.folder.checkpoints, self.stage, which)
            checkpoint.save(path, self.network.get_parameters(), self._information(position))

    def save_state(self, position: Position) -> None:
        """Everything a resumed run needs, in one file, replaced atomically."""
        if not self.writes:
            return
        information = {
            **self._information(position),
            LOSS_SCALES: {step.objective.name: step.loss_scale.saved() for step in self.steps},
            stored.STATE_ONLY: self.pending.saved(),
        }
        checkpoint.save(self.state, self.parameters(), information)

    def restore(self) -> Position:
        """Go on where the last state was saved, if there is one; gives where that was.

        What was logged beyond it is taken out of the log: it will be logged again. Networks
        without a state are not overwritten. Refusal of a state of another stage or other settings.
        """
        there = self.state.is_file()
        position = self._restored() if there else Position()
        if self.writes:
            if not there:
                self._keep_networks()
            self.folder.forget_after(self.stage, position.step)
        return position

    def _restored(self) -> Position:
        path = self.state
        arrays, information = checkpoint.read(path)
        stored.require_stage(path, information, self.spec.name, self.stage)
        made_by = settings_in(information)
        check_origin(path, made_by, self.spec, self.settings, self.stage)
        checkpoint.progress(path, information)
        checkpoint.fill(path, self.parameters(), arrays, exact=True)
        try:
            saved = information["position"]
            best = math.inf if saved["best"] is None else saved["best"]
            position = Position(saved["step"], best, saved["best_step"])
            self.pending.restore(information[stored.STATE_ONLY])
            self._restore_scales(information.get(LOSS_SCALES, {}))
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Refusal(f"{path}: is no state of a training; use another copy") from None
        if self.writes:
            warn_of_other_data([made_by], self.settings)
        return position

    def _restore_scales(self, saved: Mapping[str, Any]) -> None:
        for step in self.steps:
            if step.objective.name in saved:
                step.loss_scale.restore(saved[step.objective.name])

    def _keep_networks(self) -> None:
        kept = keep_networks(self.folder.checkpoints, self.stage)
        if kept:
            print(
                f"mindcast: stage {self.stage} begins anew, there is no {self.state.name}; what it "
                f"trained before is kept as {' and '.join(path.name for path in kept)}",
                file=sys.stderr,
            )

    def _information(self, position: Position) -> dict[str, Any]:
        best = position.best if math.isfinite(position.best) else None
        return {
            "model": self.spec.name,
            "stage": self.stage,
            "settings": self.settings.model_dump(mode="json"),
            "total_steps": self.total,
            "position": {**vars(position), "best": best},
        }
