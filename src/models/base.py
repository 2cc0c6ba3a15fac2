"""The face that every model shows to main, trainer, evaluator, converter and contract tests.

Nothing here imports MindSpore: a `ModelSpec` can be read, and its settings checked, in
milliseconds. The functions inside a spec import the networks when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from src.config.frozen import Frozen

Cell = Any  # mindspore.nn.Cell; MindSpore ships no stubs and is not imported here
Parameter = Any  # mindspore.Parameter


@dataclass(frozen=True)
class Window:
    """Which pieces of an event one sample is: `length` frames, a new piece every `stride` frames.

    The first `context` frames are what a forecast may see; the others are its target. `frame` is
    the (H, W) that the networks are built for.
    """

    length: int
    stride: int
    frame: tuple[int, int]
    context: int = 0


@dataclass(frozen=True)
class Objective:
    """What one optimiser minimises during a stage.

    `phases` lists (first optimiser step, loss cell) in rising order; the cell of the last phase
    already begun is in force, and before the first phase the objective rests. A loss cell is
    `cell(sequence, *draws) -> (loss, diagnostics)`: `sequence` (N, T, H, W, C) float32,
    `draws` the arrays of `Stage.draw`, `diagnostics` a tuple of scalars named, in order, by the
    cell's attribute `diagnostic_names`. `parameters` are the only ones that a step may move.
    """

    name: str
    parameters: Sequence[Parameter]
    phases: tuple[tuple[int, Cell], ...]


@dataclass(frozen=True)
class Stage:
    """One training stage of a model.

    requires: earlier stages whose networks are handed over, frozen and in evaluation mode.
    window(settings): the samples that this stage trains on.
    augmentation: 0 none, 1 flips and any rotation, 2 flips and quarter turns.
    build_network(settings): the cell whose weights the stage's checkpoint holds.
    build_objectives(settings, network, frozen): the losses, see `Objective`.
    draw(settings, rng, batch_size): every random number that the losses of one batch need, as
        NumPy arrays; drawn outside the graph so that a resumed run repeats them exactly.
    monitor: the diagnostic (averaged over validation) that picks the best checkpoint.
    optional: whether the forecaster can do without it.
    preview(settings, network, frozen, sequence): frames to look at, as a list of (title,
        (T, H, W) array in the data's scale) rows, or None where the stage has none.
    """

    requires: tuple[str, ...]
    window: Callable[[Any], Window]
    augmentation: int
    build_network: Callable[[Any], Cell]
    build_objectives: Callable[[Any, Cell, Mapping[str, Cell]], tuple[Objective, ...]]
    draw: Callable[[Any, np.random.Generator, int], tuple[np.ndarray, ...]]
    monitor: str
    optional: bool = False
    preview: Callable[..., list[tuple[str, np.ndarray]]] | None = None


class Forecaster(Protocol):
    """A trained model, ready to forecast.

    methods: names of the forecasts it can make ("prediff", "prediff-ka"), each a row of the report.
    """

    methods: tuple[str, ...]

    def member_steps(self, method: str) -> int:
        """Sampling steps that one member of a case takes, which is what `progress` counts.

        0: a deterministic method, which gives one member however many are asked for.
        """
        ...

    def forecast(
        self,
        method: str,
        context: np.ndarray,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Ensemble (N, M, T, H, W, C) after `context` (N, T, H, W, C), in the data's scale.

        Member m of case `keys[n]` depends on weights, context, seed, keys[n] and m alone, not on
        the batch or on `members`. `truth` (N, T, H, W, C) serves methods that are steered by it.
        `progress(k)` is called whenever k more sampling steps of one member are done.
        """
        ...


@dataclass(frozen=True)
class ModelSpec:
    """A model as the rest of the house sees it; registered by one line in `src/models/__init__.py`.

    task: "nowcast" or "downscale": picks sample type and score suite.
    stages: in training order.
    build_forecaster(settings, networks, sampling, seed, compiled): networks by stage name;
        `sampling` is `config.schema.Sampling`, compiled says graph mode or PyNative.
    window(settings): the samples that are scored.
    check_sampling(settings, sampling): Refusal for a sampler that the model cannot run; called
        before MindSpore is loaded.
    to_ours(stage, weights): a released state dict (name -> array) under our parameter names.
    reference: paper, original repository and its licence.
    """

    name: str
    task: str
    settings_type: type[Frozen]
    stages: Mapping[str, Stage]
    window: Callable[[Any], Window]
    check_sampling: Callable[[Any, Any], object]
    build_forecaster: Callable[..., Forecaster]
    to_ours: Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]
    reference: str
