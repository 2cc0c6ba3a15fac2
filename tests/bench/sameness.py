"""Whether the PyTorch networks are ours: our weights, loaded there, give our outputs and gradients.

At small sizes, without dropout; see `tests.bench.torch_networks`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.prediff.settings import PreDiffSettings
from tests.bench import cases
from tests.bench.cases import Case
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

TITLES = ("difference of", "output", "loss", "norm of gradient")
SIDES = ("torch", "torch-cl")
CUBOIDS = {
    "base_units": 64,
    "depth": [1, 2],
    "heads": 2,
    "attention_dropout": 0.0,
    "projection_dropout": 0.0,
    "ffn_dropout": 0.0,
}
PREDIFF: dict[str, Any] = {
    "name": "prediff",
    "frame_size": [32, 48],
    "context_frames": 3,
    "target_frames": 2,
    "autoencoder": {"latent_channels": 4, "block_channels": [8, 16, 16], "norm_groups": 4},
    "denoiser": CUBOIDS,
    "alignment": CUBOIDS,
}
DIFFCAST: dict[str, Any] = {
    "name": "diffcast",
    "frame_size": [32, 16],
    "context_frames": 2,
    "target_frames": 4,
    "denoiser": {"dim": 16, "multiples": [1, 2, 2, 4]},
}
UNET = {"dim": 8, "multiples": [1, 2, 4], "heads": 2, "head_size": 16}
GEODIFF: dict[str, Any] = {
    "name": "geodiff",
    "frame_size": [16, 32],
    "deterministic": UNET,
    "denoiser": UNET,
}


@dataclass(frozen=True)
class Difference:
    """Of one network: largest |error| of the output, as a share of the largest |output|, and the
    relative errors of loss and norm of the gradient; NaN where it is not trained."""

    name: str
    output: float
    loss: float
    gradient: float


def small() -> list[Case]:
    """One case a network, in evaluation."""
    prediff = PreDiffSettings.model_validate(PREDIFF)
    return [
        cases.prediff_denoiser(prediff, batch=2),
        cases.encoding(prediff, frames=3),
        cases.decoding(prediff, frames=3),
        cases.alignment(prediff, batch=2),
        cases.diffcast_denoiser(DiffCastSettings.model_validate(DIFFCAST), batch=2),
        cases.geodiff_unet(GeoDiffSettings.model_validate(GEODIFF), batch=2),
    ]


def differences(case: Case, python: str, side: str = "torch") -> Difference:
    """python: that of an environment with PyTorch, for the side of it."""
    output, _ = _both(case, python, side)
    if case.method != "forward":
        return Difference(case.name, output, float("nan"), float("nan"))
    _, steps = _both(cases.trained_case(case), python, side)
    loss, gradient = (
        abs(steps[0][key] - steps[1][key]) / abs(steps[1][key]) for key in ("loss", "gradient_norm")
    )
    return Difference(case.name, output, loss, gradient)


def _both(case: Case, python: str, side: str) -> tuple[float, list[dict[str, Any]]]:
    """The difference of the outputs, if there are any, and the answers of both sides."""
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder, "weights.npz"))
        outputs = [str(Path(folder, f"{name}.npy")) for name in ("ours", "theirs")]
        with worker("mindspore") as ours, worker(side, python) as theirs:
            answers = []
            for one, output in zip((ours, theirs), outputs, strict=True):
                one.ask("prepare", case=case.plain())
                answers.append(one.ask("outputs", weights=weights, into=output))
        if case.training:
            return float("nan"), answers
        mine, other = (np.load(output) for output in outputs)
        if mine.shape != other.shape:
            raise ValueError(f"{case.name}: outputs {mine.shape} and {other.shape}")
        return float(np.abs(mine - other).max() / np.abs(other).max()), answers


def measured(side: str, python: str, networks: Collection[str]) -> list[dict[str, Any]]:
    """Printed rows of the differences of these networks on a side of `SIDES`."""
    table, rows = Table(TITLES, first=24, width=18), []
    for case in small():
        if case.network in networks:
            rows.append(_row(case, python, side))
            table.row(*rows[-1].values())
    return rows


def _row(case: Case, python: str, side: str) -> dict[str, Any]:
    try:
        return asdict(differences(case, python, side))
    except Ended as end:
        return {"name": case.name, "problem": str(end)}


def counted_by_pytorch(case: Case, python: str) -> float:
    """FLOPs of a forward pass, but for fused attention kernels."""
    with worker("torch", python) as theirs:
        theirs.ask("prepare", case=case.plain())
        return float(theirs.ask("flops")["flops"])
