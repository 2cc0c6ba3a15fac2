"""The real files beside the project: their published numbers, through our reader."""

from pathlib import Path

import numpy as np
import pytest

from mindcast.data import open_split
from mindcast.data.temperature.scan import scan
from mindcast.physics import resample, vertical
from mindcast.physics.horizontal import divergence
from mindcast.physics.wind import geostrophic_wind, omega_from_continuity
from tests.data.temperature.files import Patch, settings

ROOT = Path(__file__).parents[4] / "shared" / "data" / "temperature"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no real fields beside the project")


def opened(name):
    return scan(ROOT / f"{name}.nc")


def read(name, state, levels=None):
    """Levels (hPa) and every field on levels that the file holds."""
    file = opened(name)
    levels = tuple(np.sort(file.levels_hpa)[::-1]) if levels is None else levels
    quantities = ("temperature", "u", "v", "omega", "height")
    fields = {q: file.read(q, file.states[state], levels) for q in quantities}
    return file, 100 * np.array(levels, np.float64), fields


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize(
    ("name", "state", "lowest", "rms", "share"),
    [
        ("nam211", 0, None, 3.58, 1.97),
        ("nam211", 1, None, 4.50, 2.16),
        ("gfs_1deg", 0, 20, 1.94, 1.52),
    ],
)
def test_thickness_and_stability_are_those_of_the_readme(name, state, lowest, rms, share):
    _, p, fields = read(name, state)
    temperature, height = fields["temperature"], fields["height"]
    part = slice(0, lowest)
    depth = vertical.along_levels(vertical.thickness(p[part]), temperature[part])
    error = depth - np.diff(height[part], axis=0)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rms, abs=0.005)
    stability = vertical.along_levels(vertical.static_stability(p), temperature)
    assert 100 * np.mean(stability < 0) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(("state", "expected"), [(0, 0.912), (1, 0.625)])
def test_omega_by_continuity_correlates_with_the_model_s_as_published(state, expected):
    file, p, fields = read("nam211", state)
    omega = omega_from_continuity(divergence(fields["u"], fields["v"], file.grid.metric), p)
    level = p.tolist().index(50000)
    rim = (level, slice(2, -2), slice(2, -2))
    assert correlation(omega[rim], fields["omega"][rim]) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "state", "rows", "expected"),
    [
        ("nam211", 0, slice(30, 60), (0.933, 0.982)),
        ("nam211", 1, slice(30, 60), (0.982, 0.882)),
        ("gfs_1deg", 0, slice(None), (0.967, 0.959)),
    ],
)
def test_the_geostrophic_wind_correlates_with_the_wind_as_published(name, state, rows, expected):
    file, _, fields = read(name, state, (500.0,))
    got = geostrophic_wind(fields["height"], file.grid.latitude, file.grid.metric)
    for component, wind, value in zip("uv", got, expected, strict=True):
        r = correlation(wind[0, rows], fields[component][0, rows])
        assert r == pytest.approx(value, abs=5e-4)


TABLE = {
    ("nam211", 4): (64, 92, 0.5661, 0.6849),
    ("nam211", 8): (64, 88, 1.1092, 1.3087),
    ("ruc212", 4): (96, 124, 0.5437, 0.5916),
    ("ruc212", 8): (96, 120, 0.7950, 0.8728),
    ("gfs_1deg", 4): (44, 100, 0.6180, 0.7667),
    ("gfs_1deg", 8): (40, 96, 1.3652, 1.6497),
    ("era5_eda_3deg", 4): (60, 120, 1.6566, 1.9105),
    ("era5_eda_3deg", 8): (56, 120, 2.8856, 3.3246),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "factor"), TABLE, ids=str)
def test_interpolation_errors_are_those_of_the_readme(name, factor):
    height, width, *expected = TABLE[name, factor]
    file = opened(name)
    squares = []
    for state in file.states:
        truth = file.read("temperature", state, tuple(file.levels_hpa))[:, :height, :width]
        coarse = resample.block_mean(truth, factor)
        pair = (resample.bicubic(coarse, factor), resample.bilinear(coarse, factor))
        squares.append([np.mean((fine - truth) ** 2) for fine in pair])
    np.testing.assert_allclose(np.sqrt(np.mean(squares, axis=0)), expected, atol=1e-3)


def test_grids_are_recognised():
    lambert, globe = opened("nam211").grid, opened("era5_eda_3deg").grid
    assert not lambert.regular
    assert (lambert.metric.h_y > 0).all()
    assert globe.regular
    assert globe.metric.periodic
    assert (globe.metric.h_y < 0).all()
    assert not opened("gfs_1deg").grid.metric.periodic


def test_members_and_geopotential_are_understood():
    file = opened("era5_eda_3deg")
    assert len(file.states) == 4 * 10
    assert {state.member for state in file.states} == set(range(10))
    height = file.read("height", file.states[0], (500.0,))
    assert 4700 < height.mean() < 5900


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("nam211", (65, 93)),
        ("ruc212", (99, 125)),
        ("gfs_1deg", (46, 101)),
        ("era5_eda_3deg", (61, 120)),
    ],
)
def test_every_file_gives_whole_finite_samples(name, shape):
    patch = Patch((850.0, 500.0), 4, None, "available")
    region = {"rows": (0, shape[0])}
    fields = open_split(settings(ROOT, files=[f"{name}.nc"], train=region), "train", patch)
    sample = fields[len(fields) - 1].named
    assert sample["temperature_lr"].shape[1:3] == tuple(-(-size // 4) for size in shape)
    assert sample["truth"].shape == (2, *shape, 1)
    assert all(np.isfinite(array).all() for array in sample.values())
    assert (sample["priors_lr"][..., 6] == 1).all()
    if name == "nam211":  # 850 hPa lies below the Rocky Mountains' ground, 500 hPa nowhere
        share = 1 - sample["weight"].mean(axis=(1, 2, 3))
        assert 0.02 < share[0] < 0.3
        assert share[1] == 0
