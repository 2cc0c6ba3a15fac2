import numpy as np
import pytest

from mindcast.evaluation.downscale.spectrum import PowerSpectra, power_spectrum
from tests.evaluation.downscale.fields import FACTOR, draw, entries, target_of


def test_a_wave_shows_at_its_wavenumber_and_the_hann_window_s_neighbours():
    wave = np.broadcast_to(np.sin(2 * np.pi * 5 * np.arange(32) / 32), (32, 32))
    power = power_spectrum(wave)
    # the Hann window of n points has the coefficients 1/2 and twice 1/4, that is mean square 3/8;
    # scaled to 1, a wave of power 1/2 keeps (1/4) / (3/8) = 2/3 of it along each direction at the
    # centre and 1/6 at each neighbour; along y the neighbours (wavenumber 1) stay in ring 5, as
    # sqrt(25 + 1) rounds to 5
    expected = np.zeros(16)
    expected[[3, 4, 5]] = 0.5 * np.array([1 / 6, 2 / 3, 1 / 6])
    np.testing.assert_allclose(power, expected, atol=1e-12)


def test_wavenumbers_count_waves_over_the_shorter_side():
    rows = np.sin(2 * np.pi * 4 * np.arange(16) / 16)[:, None]
    field = np.broadcast_to(rows, (16, 32))
    assert np.argmax(power_spectrum(field)) + 1 == 4
    # eight waves over the longer side are four over the shorter
    columns = np.broadcast_to(np.sin(2 * np.pi * 8 * np.arange(32) / 32), (16, 32))
    assert np.argmax(power_spectrum(columns)) + 1 == 4


def test_all_power_of_a_field_is_in_the_rings_but_for_the_corners():
    field = np.random.default_rng(0).standard_normal((64, 64))
    # white noise of variance 1: the disc holds pi / 4 of the plane of coefficients
    assert power_spectrum(field).sum() == pytest.approx(np.pi / 4, rel=0.1)


def test_half_the_amplitude_has_a_quarter_of_the_power_in_every_ring():
    _, truth = draw()
    spectra = PowerSpectra(3)
    for case in range(2):
        part = truth[case : case + 1]
        mean = part.mean(axis=(2, 3), keepdims=True)
        spectra.update(mean + (part - mean) / 2, target_of(part))
    curves = spectra.curves()
    assert curves["wavenumber"] == list(range(1, 9))
    np.testing.assert_allclose(curves["ratio"], 0.25)
    np.testing.assert_allclose(curves["truth"], power_spectrum(truth).mean(axis=0))
    assert entries(spectra)["fine_power"].overall == pytest.approx(0.25)


def test_fine_power_sees_only_what_the_coarse_grid_cannot_hold():
    x = 2 * np.pi * np.arange(32) / 32
    slow, fast = (np.broadcast_to(np.sin(k * x), (1, 1, 32, 32)) for k in (2, 9))
    # 32 points by 4: the coarse grid of 8 holds wavenumbers up to 4
    for part, kept in ((slow, 0.0), (fast, 1.0)):
        spectra = PowerSpectra(1)
        spectra.update(part, target_of(slow + fast))
        assert entries(spectra)["fine_power"].overall == pytest.approx(kept, abs=1e-9)


def test_fields_of_another_size_count_in_fine_power_but_not_in_the_curves():
    spectra, fine = PowerSpectra(3), []
    for side, amplitude in ((16, 1.0), (32, 0.5)):
        _, truth = draw(side=side)
        mean = truth.mean(axis=(2, 3), keepdims=True)
        spectra.update(mean + amplitude * (truth - mean), target_of(truth))
        power = power_spectrum(truth)[..., side // (2 * FACTOR) :].sum(axis=(0, 2))
        fine.append((amplitude**2 * power, power))
    curves = spectra.curves()
    assert (curves["size"], curves["cases"]) == ([16, 16], 2)
    np.testing.assert_allclose(curves["ratio"], 1)
    kept = (fine[0][0] + fine[1][0]) / (fine[0][1] + fine[1][1])
    assert entries(spectra)["fine_power"].values == pytest.approx(tuple(kept))


def test_nothing_added_is_undefined():
    assert np.isnan(entries(PowerSpectra(2))["fine_power"].overall)
