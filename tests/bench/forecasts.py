"""What a forecast takes: the calls of the configurations times the seconds of the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mindcast.settings import load_settings
from tests.bench.cases import CONFIGS
from tests.bench.table import Table

TITLES = ("forecast of one member", "sampler", "calls", "s", "CPU s", "members", "s of all")


@dataclass(frozen=True)
class Forecast:
    """calls: of each case of `cases.released`, for one member. members: of the configuration."""

    name: str
    sampler: str
    members: int
    calls: Mapping[str, float]


def configured() -> list[Forecast]:
    """Of the released configurations. Not counted: DiffCast's backbone and context network, once a
    forecast; GeoDiff's deterministic network and conditioning, likewise."""
    prediff, diffcast, geodiff = (
        load_settings(CONFIGS / name)
        for name in ("diffusion_cfg.yaml", "diffcast_simvp_cfg.yaml", "geodiff_cfg.yaml")
    )
    frames = prediff.model.target_frames  # as many are encoded and decoded in one call
    of_prediff = {
        "prediff encode": prediff.model.context_frames / frames,
        "prediff denoiser": float(prediff.sampling.steps),
        "prediff decode": 1.0,
    }
    of_diffcast = {"diffcast denoiser": float(diffcast.sampling.steps * diffcast.model.segments)}
    of_geodiff = {"geodiff u-net": float(geodiff.sampling.steps)}
    parts = ((prediff, of_prediff), (diffcast, of_diffcast), (geodiff, of_geodiff))
    return [
        Forecast(run.model.name, f"{run.sampling.sampler}", run.sampling.members, calls)
        for run, calls in parts
    ]


def estimated(networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Printed rows of the forecasts whose networks were all measured, on every side."""
    times = {(r["side"], r["case"]): r for r in networks if r["seconds"]}
    rows = []
    for side in dict.fromkeys(row["side"] for row in networks):
        for forecast in configured():
            parts = [(times.get((side, case)), n) for case, n in forecast.calls.items()]
            if all(row is not None for row, _ in parts):
                rows.append(_row(side, forecast, [(row, n) for row, n in parts if row]))
    if rows:
        _print(rows)
    return rows


def _row(
    side: str, forecast: Forecast, parts: list[tuple[dict[str, Any], float]]
) -> dict[str, Any]:
    return {
        "forecast": forecast.name,
        "side": side,
        "sampler": forecast.sampler,
        "calls": dict(forecast.calls),
        "seconds": sum(row["seconds"] * n for row, n in parts),
        "cpu_seconds": sum(row["cpu_seconds"] * n for row, n in parts),
        "members": forecast.members,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(TITLES, first=32)
    for row in rows:
        calls = max(row["calls"].values())
        name, all_of_them = f"{row['forecast']}, {row['side']}", row["seconds"] * row["members"]
        table.row(
            name,
            row["sampler"],
            f"{calls:.0f}",
            row["seconds"],
            row["cpu_seconds"],
            row["members"],
            all_of_them,
        )
