"""Golden files of the temperature physics and of the resampling: float64, NumPy only."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from mindcast.physics import horizontal, priors, resample, vertical, wind
from mindcast.physics.horizontal import Metric, latitude_longitude_metric
from tests.parity.golden import Comparison, GoldenFile

EXACT = 1e-9


def phys_vertical(golden: GoldenFile) -> Iterator[Comparison]:
    p, temperature = golden["p"], golden["T"]
    matrices = {
        "dTdlnp": vertical.log_pressure_derivative(p),
        "dTdp": vertical.pressure_derivative(p),
        "S": vertical.static_stability(p),
    }
    for name, matrix in matrices.items():
        yield Comparison(name, vertical.along_levels(matrix, temperature), golden[name], EXACT)
    theta = vertical.potential_temperature(temperature, p)
    yield Comparison("theta", theta, golden["theta"], EXACT)
    text = golden.json()["stretched"]
    errors = np.array([stretched_errors(text, int(n)) for n in golden["conv/n"]])
    yield Comparison("err_interior", errors[:, 0], golden["conv/err_interior"], 1e-7)
    yield Comparison("err_edge", errors[:, 1], golden["conv/err_edge"], 1e-7)


STRETCHED = r"exp\(-([\d.]+) \(.*T = ([\d.]+) \+ ([\d.]+) sin\(([\d.]+) s\)"


def stretched_errors(text: str, n: int) -> tuple[float, float]:
    """Largest error of dT/dln p inside and at the ends, for the grid and field of `text`."""
    depth, mean, amplitude, wave = map(float, re.search(STRETCHED, text).groups())
    z = np.linspace(0, 1, n)
    s = -depth * (z + z**2)  # ln(p / p_0)
    field = mean + amplitude * np.sin(wave * s)
    slope = vertical.log_pressure_derivative(1e5 * np.exp(s)) @ field
    error = np.abs(slope - amplitude * wave * np.cos(wave * s))
    return error[1:-1].max(), error[[0, -1]].max()


def phys_stability(golden: GoldenFile) -> Iterator[Comparison]:
    p = golden["p"]
    matrix, pairs = vertical.static_stability(p), vertical.pair_stability(p)
    expected = {"iso": "S_iso", "ad": "S_ad_discrete", "lapse": "S_lapse_discrete"}
    for case, key in expected.items():
        stability = vertical.along_levels(matrix, golden[f"T_{case}"])
        # the adiabat's S is a small difference of terms as large as the isothermal S
        scale = np.abs(golden["S_iso"]).max()
        yield Comparison(key, stability, golden[key], EXACT, floor=EXACT * scale)
    theta = vertical.potential_temperature(golden["T_ad"], p)
    yield Comparison("theta_ad", theta, golden["theta_ad"], EXACT)
    for case, floor in (("ad", 1e-8), ("lapse", 0.0)):
        got = vertical.along_levels(pairs, golden[f"T_{case}"])
        yield Comparison(f"N_{case}", got, golden[f"N_{case}"], EXACT, floor)


def phys_horizontal(golden: GoldenFile) -> Iterator[Comparison]:
    metric = latitude_longitude_metric(golden["lat"], golden["lon"])
    yield Comparison("hx", metric.h_x, golden["hx"], EXACT)
    yield Comparison("hy", metric.h_y, golden["hy"], EXACT)
    temperature, u, v = (golden[key] for key in ("T", "u", "v"))
    got = derivatives(temperature, u, v, metric)
    got["div"] = horizontal.divergence(u, v, metric)
    n = golden["n"].tolist().index(len(golden["lat"]))
    for name, field in got.items():
        yield Comparison(f"discrete/{name}", field, golden[f"discrete/{name}"], EXACT)
        exact = golden[f"exact/{name}"]
        inner = (slice(1, -1), slice(1, -1)) if name == "lap" else ...
        error = np.abs(field - exact)[inner].max() / np.abs(exact).max()
        yield Comparison(f"err/{name}", error, golden[f"err/{name}"][n], 1e-7)


def derivatives(
    temperature: np.ndarray, u: np.ndarray, v: np.ndarray, metric: Metric
) -> dict[str, np.ndarray]:
    d_dx, d_dy = horizontal.gradient(temperature, metric)
    return {
        "dx": d_dx,
        "dy": d_dy,
        "adv": horizontal.advection(temperature, u, v, metric),
        "lap": horizontal.laplacian(temperature, metric),
    }


def phys_global(golden: GoldenFile) -> Iterator[Comparison]:
    metric = latitude_longitude_metric(golden["lat"], golden["lon"], periodic=True)
    for name, step in (("hx", metric.h_x), ("hy", metric.h_y)):
        yield Comparison(name, step, np.broadcast_to(golden[name], step.shape), EXACT)
    got = derivatives(golden["T"], golden["u"], golden["v"], metric)
    for name, field in got.items():
        yield Comparison(name, field, golden[name], EXACT)


def phys_omega(golden: GoldenFile) -> Iterator[Comparison]:
    for name, corrected in (("omega_raw", False), ("omega_corrected", True)):
        omega = wind.omega_from_continuity(golden["div"], golden["p"], corrected)
        yield Comparison(name, omega, golden[name], 1e-12, floor=1e-12)


def phys_geostrophic(golden: GoldenFile) -> Iterator[Comparison]:
    latitude, longitude = golden["lat"], golden["lon"]
    metric = latitude_longitude_metric(latitude, longitude)
    rows = np.broadcast_to(latitude[:, np.newaxis], golden["z"].shape)
    got = wind.geostrophic_wind(golden["z"], rows, metric)
    for name, field in zip("uv", got, strict=True):
        yield Comparison(f"{name}_discrete", field, golden[f"{name}_discrete"], EXACT)


def phys_priors(golden: GoldenFile) -> Iterator[Comparison]:
    p, h = golden["p"], golden["h"]
    metric = Metric(h, h)
    u, v = golden["u"], golden["v"]
    yield Comparison("div", horizontal.divergence(u, v, metric), golden["div"], EXACT)
    winds = priors.known_winds(u, v, None, p, metric)
    yield Comparison("omega", winds.omega, golden["omega"], EXACT)
    channels = priors.prior_channels(golden["T"], winds, p, metric)
    for number, name in enumerate(priors.PRIORS):
        yield Comparison(name, channels[..., number], golden["priors"][number], EXACT)


def resampling(golden: GoldenFile) -> Iterator[Comparison]:
    factor, x = golden.json()["factor"], golden["x"]
    coarse = resample.block_mean(x, factor)
    yield Comparison("lr", coarse, golden["lr"], EXACT)
    for name, size in (("My", coarse.shape[-2]), ("Mx", coarse.shape[-1])):
        yield Comparison(name, resample.bicubic_matrix(size, factor), golden[name], EXACT)
    yield Comparison("bicubic", resample.bicubic(coarse, factor), golden["bicubic"], EXACT)
    yield Comparison("bilinear", resample.bilinear(coarse, factor), golden["bilinear"], EXACT)


HANDLERS = {
    "phys_vertical": phys_vertical,
    "phys_stability": phys_stability,
    "phys_horizontal": phys_horizontal,
    "phys_global": phys_global,
    "phys_omega": phys_omega,
    "phys_geostrophic": phys_geostrophic,
    "phys_priors": phys_priors,
    "resample": resampling,
}
