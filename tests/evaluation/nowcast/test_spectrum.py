import numpy as np
import pytest

from mindcast.evaluation.nowcast.spectrum import RadialSpectra, ring_power, ring_sizes
from mindcast.evaluation.spectrum import hann


def draw(cases=2, leads=3, side=32, seed=0):
    return np.random.default_rng(seed).random((cases, leads, side, side, 1), np.float32)


def scored(forecast, truth, scale=1.0):
    spectra = RadialSpectra(truth.shape[1], scale)
    spectra.update(forecast, truth)
    return spectra


def fine(spectra):
    (entry,) = spectra.result()
    return entry


@pytest.mark.parametrize("side", [32, 33])
def test_the_radial_mean_agrees_with_pysteps(side):
    from pysteps.utils.spectral import rapsd

    field = draw(1, 1, side)[0, 0, ..., 0].astype(np.float64)
    windowed = (field - field.mean()) * hann(side, side)
    theirs = rapsd(windowed, fft_method=np.fft)
    ours = ring_power(field) / ring_sizes(side, side)
    np.testing.assert_allclose(ours[: len(theirs) - 1], theirs[1:], rtol=1e-9)


@pytest.mark.parametrize("shape", [(16, 24), (24, 15)])
def test_half_of_the_coefficients_stand_for_all(shape):
    field = np.random.default_rng(0).standard_normal(shape)
    power = np.abs(np.fft.fft2((field - field.mean()) * hann(*shape))) ** 2 / field.size
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])
    k = np.rint(min(shape) * np.sqrt(rows**2 + columns**2))
    expected = [power[k == ring].mean() for ring in range(1, min(shape) // 2 + 1)]
    np.testing.assert_allclose(ring_power(field) / ring_sizes(*shape), expected)


def test_half_the_amplitude_has_a_quarter_of_the_power_at_every_lead_time():
    truth = draw()
    spectra = scored(truth / 2, truth, scale=90)
    assert fine(spectra).per_lead == pytest.approx([0.25] * 3)
    curves = spectra.curves()
    np.testing.assert_allclose(curves["wavelength"], 32 / np.arange(1, 17))
    for key in ("overall", "per_lead"):
        ratio = np.divide(curves["power"][key], curves["truth"][key])
        np.testing.assert_allclose(ratio, 0.25, rtol=1e-5)
    mean = ring_power(90.0 * truth[..., 0]).mean(axis=0) / ring_sizes(32, 32)
    np.testing.assert_allclose(curves["truth"]["per_lead"], mean, rtol=1e-5)
    np.testing.assert_allclose(curves["truth"]["overall"], mean.mean(axis=0), rtol=1e-5)


def test_fine_power_sees_waves_shorter_than_eight_pixels_alone():
    x = 2 * np.pi * np.arange(32) / 32
    slow, fast = (np.tile(np.sin(k * x), (1, 1, 32, 1))[..., None] for k in (2, 9))
    assert fine(scored(slow, slow + fast)).overall == pytest.approx(0, abs=1e-9)
    assert fine(scored(fast, slow + fast)).overall == pytest.approx(1)


def test_pixels_that_one_lacks_are_zero_in_both_and_empty_frames_are_left_out():
    forecast, truth = draw(seed=1), draw(seed=2)
    zero = forecast.copy(), truth.copy()
    forecast[:, 0, :5], truth[:, 0, 20:], truth[1, 2] = np.nan, np.nan, np.nan
    for field in zero:
        field[:, 0, :5], field[:, 0, 20:] = 0, 0
    ours, theirs = scored(forecast, truth).curves(), scored(*zero).curves()
    for curve in ("power", "truth"):
        assert ours[curve]["per_lead"][0] == theirs[curve]["per_lead"][0]
        alone = scored(forecast[:1], truth[:1]).curves()
        np.testing.assert_allclose(ours[curve]["per_lead"][2], alone[curve]["per_lead"][2])


def test_nothing_added_is_undefined_and_another_size_is_an_error():
    spectra = RadialSpectra(3, 1)
    assert np.isnan(fine(spectra).overall)
    spectra.update(draw(), draw())
    with pytest.raises(ValueError, match=r"got frames of \(16, 16\) pixels, before \(32, 32\)"):
        spectra.update(draw(side=16), draw(side=16))
