"""What a row takes, beside what the layers of the denoisers of the smoke settings really write."""

import numpy as np
import pytest

from mindcast.models import MODELS, activations, load_spec
from mindcast.models.activations import BYTES, Block, bytes_of
from mindcast.settings import load_settings
from tests.contract.models import build_networks, forecaster_of, input_and_truth, settings_of

FRAME = {"prediff": (128, 128), "diffcast": (128, 128), "geodiff": (32, 32)}


def row_of(name, *changes, domain=None, device="CPU"):
    settings = load_settings(f"configs/demo/{name}.yaml", changes).model
    return load_spec(name).row_bytes(settings, domain or settings.frame_size, device)


@pytest.mark.parametrize(("library", "stays"), [("kernels.so", 0.25), (None, 1.0)])
def test_memory_is_the_largest_block_the_results_and_what_a_cpu_keeps(library, stays, monkeypatch):
    monkeypatch.setattr(activations, "library", lambda: library)
    blocks = [Block(10, 2), Block(30, 5) * 2]
    # on a card 60 at work, 2 + 10 results; on CPU a share of 10 + 60 more
    assert bytes_of(blocks, "GPU") == BYTES * 72
    assert bytes_of(blocks, "CPU") == int(BYTES * (72 + stays * 70))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("prediff", "model.denoiser.base_units=128"),
        ("prediff", "model.denoiser.depth=[3]"),
        ("prediff", "model.denoiser.gated_ffn=true"),
        ("diffcast", "model.denoiser.dim=64"),
        ("diffcast", "model.context_net.use=true"),
        ("diffcast", "model.patch=2"),
        ("geodiff", "model.denoiser.dim=64"),
        ("geodiff", "model.denoiser.heads=8"),
        ("geodiff", "model.diffusion={conditioning_dropout: 0.1, guidance: 2.0}"),
    ],
)
def test_a_wider_network_takes_more(name, change):
    assert row_of(name, change) > row_of(name)


@pytest.mark.parametrize("name", MODELS)
def test_a_card_keeps_no_tables(name):
    assert 0 < row_of(name, device="GPU") < row_of(name)


def test_a_domain_of_twice_the_sides_takes_more_than_four_times_the_memory():
    assert row_of("geodiff", domain=(128, 128)) > 4 * row_of("geodiff", domain=(64, 64))


def denoiser_of(name, networks):
    if name == "geodiff":
        return networks["diffusion"].denoise_fn
    return networks["joint"].model if name == "diffcast" else networks["diffusion"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_count_is_above_what_layers_write_and_of_its_size(name, switch, monkeypatch):
    switch(False)  # a kernel writes once what several layers write
    networks = build_networks(name, load_spec(name).stages)
    networks.pop("joint" if name == "geodiff" else "alignment", None)
    written = []

    def note(cell, inputs, output):
        written.append((output[0] if isinstance(output, tuple) else output).size)

    for cell in denoiser_of(name, networks).cells_and_names():
        if not any(True for _ in cell[1].cells()):
            cell[1].register_forward_hook(note)
    forecaster = forecaster_of(name, networks, steps=1, batch_size=1)
    given, truth = input_and_truth(name)
    forecaster.forecast(name, given, (0,), 1, truth)
    settings = settings_of(name).model
    segments = getattr(settings, "segments", 1)
    domain = given.statics.shape[1:3] if name == "geodiff" else settings.frame_size
    monkeypatch.setattr(activations, "library", lambda: None)
    counted = load_spec(name).row_bytes(settings, domain, "CPU")
    layers = BYTES * float(np.sum(written, dtype=np.float64)) / segments
    assert layers <= counted <= 15 * layers
