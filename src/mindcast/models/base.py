"""The face that every model shows to commands, trainer, tasks and contract tests.

Nothing here imports MindSpore: a `ModelSpec` can be read, and its settings checked, in
milliseconds. The functions inside a spec import the networks when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from mindcast.config.frozen import Frozen
from mindcast.models.released import Released
from mindcast.motion.moved import Extrapolated, best_motion, moved_members
from mindcast.refusal import Refusal
from mindcast.samples import Change, Named, NowcastInput, Sample

Cell = Any  # mindspore.nn.Cell; MindSpore ships no stubs and is not imported here
Parameter = Any  # mindspore.Parameter


def late(module: str) -> Callable[[str], Callable[..., Any]]:
    """`late("package.module")("name")` is that function; its module is imported when it is called.

    So a spec can name what needs MindSpore without importing it.
    """

    def named(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            return getattr(import_module(module), name)(*arguments)

        return call

    return named


@dataclass(frozen=True)
class Window:
    """Which pieces of an event one sample is: `length` frames, a new piece every `stride` frames.

    The first `context` frames are the input; the others, if there are any, the truth. `frame` is
    the (H, W) that the networks are built for. Forecasts are made of larger frames too, whose
    sides are multiples of `cell`.
    """

    length: int
    stride: int
    frame: tuple[int, int]
    context: int
    cell: int = 1


def whole_sequences(settings: Any) -> Window:
    """Context and target together, of settings that name them as the nowcasters do."""
    return Window(
        length=settings.context_frames + settings.target_frames,
        stride=settings.stride,
        frame=settings.frame_size,
        context=settings.context_frames,
        cell=settings.cell,
    )


def require_context(settings: Any, input: NowcastInput) -> None:
    """Refusal unless the context frames (N, T, H, W, 1) are those that such settings are for.

    Frames may be larger, see `Window`.
    """
    got, frame, cell = input.context.shape, settings.frame_size, settings.cell
    fits = len(got) == 5 and (got[1], got[4]) == (settings.context_frames, 1)
    if not fits or any(n < least or n % cell for n, least in zip(got[2:4], frame, strict=True)):
        expected = ", ".join(map(str, (settings.context_frames, *frame, 1)))
        raise Refusal(
            f"forecast: context has {got=}, expected (N, T, H, W, C) = (N, {expected}), or larger "
            f"frames in multiples of {cell}"
        )


def with_motion(settings: Any, input: NowcastInput) -> NowcastInput:
    """The input with the motion of every context, so that it is found once for all members."""
    if settings.motion is None or input.motion is not None:
        return input
    found = [best_motion(context, settings.motion) for context in input.context]
    return replace(input, motion=np.stack(found))


def extrapolated_members(
    settings: Any,
    input: NowcastInput,
    keys: Sequence[int],
    members: int,
    seed: int,
    first: int = 0,
) -> np.ndarray | None:
    """What motion makes of the members from number `first` on, where `motion` is set.

    (N, M, T, H, W, MOVED_CHANNELS).
    """
    if settings.motion is None:
        return None
    frames, motion = settings.target_frames, settings.motion
    return moved_members(
        input.context, keys, members, frames, motion, seed, first, motions=input.motion
    )


@dataclass(frozen=True)
class Patch:
    """Which part of a state of the atmosphere one sample of the task "downscale" is.

    levels_hpa: the pressure levels, from the ground upwards. factor: fine cells along one coarse
    one. frame: (H, W) of the fine grid that is cut out, None for all of it, whatever its size.
    prior_source: the best wind that the priors may use.
    """

    levels_hpa: tuple[float, ...]
    factor: int
    frame: tuple[int, int] | None
    prior_source: str = "winds"


@dataclass(frozen=True)
class Objective:
    """What one optimiser minimises during a stage.

    phases: (first optimiser step, loss cell) in rising order; the cell of the last phase already
        begun is in force, and before the first phase the objective is inactive. The parameters of
        a loss cell's `construct` bear the names of arrays of a batch, those of `Sample.named`,
        `Stage.encode` and `Stage.draw`; it gives (loss, diagnostics), a tuple of scalars named, in
        order, by the cell's attribute `diagnostic_names`.
    parameters: the only ones that a step may move.
    rate_factors: one for each of the parameters, multiply the stage's learning rate; empty: all
        move at it.
    mean_squares: the diagnostics that are mean squares; what is logged is the root of their mean.
    """

    name: str
    parameters: Sequence[Parameter]
    phases: tuple[tuple[int, Cell], ...]
    rate_factors: Sequence[float] = ()
    mean_squares: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Encoding:
    """What frozen networks make of single frames, for losses to take: computed once for each.

    cell: frames (n, H, W, C) of one shape to arrays (n, ...); row by row, without random numbers.
    names: the name under which a batch gets the rows (N, T, ...) of an array (N, T, H, W, C), by
        the name of that array; absent arrays are left out.
    """

    cell: Cell
    names: Mapping[str, str]


@dataclass(frozen=True)
class Preview:
    """What a training shows of itself: rows of frames (T, H, W) in [0, 1], each with a title.

    colours: the scale that they are drawn in, a name that `visualization.montage` knows.
    """

    rows: list[tuple[str, np.ndarray]]
    colours: str


def all_keys(settings: Frozen) -> tuple[str, ...]:
    """`Stage.bound_to` of a network that depends on the whole model."""
    return tuple(type(settings).model_fields)


def keys(*names: str) -> Callable[[Any], tuple[str, ...]]:
    """`Stage.bound_to` of a network that depends on these keys, whatever their values."""
    return lambda settings: names


def nothing_more(settings: Any) -> None:
    """`Stage.derive` of losses that take nothing but the data."""


def no_blocks() -> tuple[type, ...]:
    """`Stage.blocks` of a network whose inside is always kept."""
    return ()


def extrapolated(settings: Any) -> Extrapolated | None:
    """`Stage.derive` of nowcasts that take the extrapolated frames where their `motion` is set.

    Those of a member also where one forecast is made: the error of its motion teaches a network not
    to trust details, which on two days of radar was worth more than the best estimate.
    """
    return None if settings.motion is None else Extrapolated(settings.motion)


@dataclass(frozen=True)
class Stage:
    """One training stage of a model.

    requires: earlier stages whose networks are handed over, frozen and in evaluation mode.
    window(settings): the samples that this stage trains on.
    augmentation: name of a function of `mindcast.data.AUGMENTATIONS`.
    build_network(settings): the cell whose weights the stage's checkpoint holds.
    build_objectives(settings, network, frozen): the losses, see `Objective`.
    draw(settings, rng, batch_size): every random number that the losses of one batch need, as
        NumPy arrays by name; drawn outside the graph so that a resumed run repeats them exactly.
    monitor: the diagnostic of the first objective, averaged over validation, that picks the best
        checkpoint.
    optional: whether the forecaster, and stages that require it, can do without it.
    preview(settings, network, frozen, sample): what to look at, of a batch of one sample; None
        where the stage has nothing to show.
    calibrate(settings, network, frozen, samples): sets statistics that the network keeps as
        parameters which do not train; called once, before the first step, with one pass over the
        training split's batches. None where there are none.
    derive(settings): what is computed from each sample on the host, after its augmentation, and
        added to it; picklable. None where the losses take nothing but the data.
    encode(settings, frozen): what is computed of the frames by the frozen networks alone, so that
        the trainer need not do it again at every visit; None where everything is trained.
    bound_to(settings): the keys of the model, "section" or "section.key", that give the trained
        weights their meaning: its checkpoint is refused where they differ, but for those that are
        marked FREE. What only other stages depend on may change, so that they can share it.
    blocks(): the kinds of cells within the network whose inside may be computed again for the
        gradient instead of kept; those that lie in another of them go with it. A kind must give
        the same at every call: no batch norm within.
    """

    requires: tuple[str, ...]
    window: Callable[[Any], Window | Patch]
    augmentation: str
    build_network: Callable[[Any], Cell]
    build_objectives: Callable[[Any, Cell, Mapping[str, Cell]], tuple[Objective, ...]]
    draw: Callable[[Any, np.random.Generator, int], Named]
    monitor: str
    optional: bool = False
    preview: Callable[[Any, Cell, Mapping[str, Cell], Sample[Any]], Preview] | None = None
    calibrate: Callable[[Any, Cell, Mapping[str, Cell], Iterable[Sample[Any]]], None] | None = None
    bound_to: Callable[[Any], tuple[str, ...]] = all_keys
    derive: Callable[[Any], Change | None] = nothing_more
    encode: Callable[[Any, Mapping[str, Cell]], Encoding] | None = None
    blocks: Callable[[], tuple[type, ...]] = no_blocks


def as_it_is(settings: Any, domain: tuple[int, int], limit: int, device: str) -> tuple[Any, str]:
    """`ModelSpec.in_tiles` of models whose tiles are their frames."""
    return settings, ""


def no_draws(settings: Any, rng: np.random.Generator, batch_size: int) -> Named:
    """`Stage.draw` of losses that need no random numbers."""
    return {}


class Forecaster(Protocol):
    """A trained model, ready to forecast.

    methods: names of the forecasts it can make ("prediff", "prediff-ka"), each a row of the report.
    deterministic: those of them that have one member, whatever is asked, and take no sampling.
    """

    methods: tuple[str, ...]
    deterministic: tuple[str, ...]

    def forecast(
        self,
        method: str,
        input: Any,
        keys: Sequence[int],
        members: int,
        truth: np.ndarray | None = None,
        progress: Callable[[int], object] | None = None,
        *,
        first: int = 0,
        seed: int | None = None,
    ) -> np.ndarray:
        """Ensemble with a member axis after N, in the data's scale: members `first` and following.

        input: of a batch of N cases. A `samples.NowcastInput` gives (N, M, T, H, W, C), the frames
        after the context; a `samples.DownscaleInput` (N, M, Z, H, W, C). What is made of it for all
        members is kept until another one comes, so it must not be changed.
        Member m of case `keys[n]` depends on weights, input, seed, keys[n] and m alone, not on the
        batch or on `members`. `truth` (as one member) serves methods that are steered by it.
        `progress(k)` is called whenever k more sampling steps of one member are done. `seed` stands
        for that of the forecaster. Frames larger than the networks' are forecast in tiles.
        """
        ...


@dataclass(frozen=True)
class ModelSpec:
    """All that other rooms need of a model; registered by one line in `models/__init__.py`.

    task: picks the type of the input, the window and the scores, see `mindcast.tasks`.
        "nowcast": `samples.NowcastInput`, cut by a `Window`.
        "downscale": `samples.DownscaleInput`, cut by a `Patch`.
    stages: in training order. Their random numbers depend on their place: a new one goes last.
    build_forecaster(settings, networks, sampling, seed, compiled): networks by stage name;
        `sampling` is `config.schema.Sampling`, compiled says graph mode or PyNative.
    window(settings): the samples that are scored.
    check_sampling(settings, sampling): Refusal for a sampler that the model cannot run; called
        before MindSpore is loaded.
    row_bytes(settings, domain, device): memory that the networks take for one row, a member or a
        tile of one, of a forecast of a domain (H, W), counted from the settings.
    in_tiles(settings, domain, limit, device): the settings, with tiles where such a domain does not
        fit into `limit` bytes, and these in words; "" where nothing is changed.
    reference: paper, original repository and its licence.
    released: the networks that files of weights may hold, and their names there.
    """

    name: str
    task: str
    settings_type: type[Frozen]
    stages: Mapping[str, Stage]
    window: Callable[[Any], Window | Patch]
    check_sampling: Callable[[Any, Any], object]
    build_forecaster: Callable[..., Forecaster]
    row_bytes: Callable[[Any, tuple[int, int], str], int]
    reference: str
    in_tiles: Callable[[Any, tuple[int, int], int, str], tuple[Any, str]] = as_it_is
    released: Released = field(default_factory=Released)
