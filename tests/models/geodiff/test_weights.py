import csv
from pathlib import Path

import numpy as np
import pytest

from mindcast.models.geodiff.settings import DiffusionSettings, UNetSettings
from mindcast.models.geodiff.unet3d import UNet3d
from mindcast.models.geodiff.weights import to_ours
from mindcast.refusal import Refusal

MANIFESTS = Path(__file__).parents[4] / "shared" / "spec" / "manifests"
TRAINABLE = 35_706_243


def shapes_in(manifest):
    path = MANIFESTS / manifest
    if not path.is_file():
        pytest.skip(f"no manifest {path.name} beside the project")
    with path.open() as lines:
        return {
            row["name"]: tuple(int(n) for n in row["shape"].split("x") if n)
            for row in csv.DictReader(lines)
        }


def arrays(shapes):
    zeros = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    if "betas" in zeros:
        zeros.pop("betas")  # nothing to compare
    return zeros


@pytest.fixture(scope="module")
def public_shapes():
    """Of the public configuration: 3 channels, 8 frames."""
    unet = UNet3d(UNetSettings(), 3, 3, np.arange(8))
    assert sum(p.size for p in unet.trainable_params()) == TRAINABLE
    return {p.name: tuple(p.shape) for p in unet.get_parameters()}


@pytest.mark.parametrize("manifest", ["geodiff_unet3d.csv", "geodiff_diffusion.csv"])
def test_the_public_network_has_the_names_and_shapes_of_its_checkpoint(manifest, public_shapes):
    ours = to_ours("unet", arrays(shapes_in(manifest)))
    assert {name: array.shape for name, array in ours.items()} == public_shapes


def test_of_a_trainer_s_checkpoint_the_averages_are_taken():
    inner = [{"denoise_fn.init_conv.bias": np.full(2, v)} for v in (1.0, 2.0)]
    checkpoint = {"step": 5, "model": inner[0], "ema": inner[1], "scaler": {}}
    np.testing.assert_array_equal(to_ours("unet", checkpoint)["init_conv.bias"], 2)
    del checkpoint["ema"]
    np.testing.assert_array_equal(to_ours("unet", checkpoint)["init_conv.bias"], 1)


def test_buffers_of_another_schedule_are_warned_of(recwarn):
    process = DiffusionSettings(timesteps=10).process()
    network = {"denoise_fn.init_conv.bias": np.ones(4)}
    buffers = {"betas": process.beta, "alphas_cumprod": process.alpha_bar}
    assert list(to_ours("unet", {**buffers, **network})) == ["init_conv.bias"]
    assert not recwarn.list
    with pytest.warns(UserWarning, match="betas of the checkpoint is not that of the public"):
        to_ours("unet", {**buffers, "betas": process.beta * 1.01, **network})


def test_in_the_diffusion_stage_the_network_keeps_its_prefix():
    released = {"denoise_fn.init_conv.bias": np.ones(4)}
    assert list(to_ours("diffusion", released)) == ["denoise_fn.init_conv.bias"]
    bare = {"init_conv.bias": np.ones(4)}
    assert list(to_ours("diffusion", bare)) == ["denoise_fn.init_conv.bias"]


def test_frequencies_are_dropped_after_a_look_at_their_copies():
    names = ("a.fn.fn.fn.rotary_emb.freqs", "b.fn.fn.fn.rotary_emb.freqs")
    same = {name: np.arange(4.0) for name in names}
    assert to_ours("unet", same) == {}
    with pytest.raises(Refusal, match=r"the 2 entries rotary_emb\.freqs differ"):
        to_ours("unet", {**same, names[1]: np.arange(4.0) + 1})


def test_an_unknown_stage_is_refused():
    with pytest.raises(Refusal, match="stage: 'vae', expected one of unet, diffusion"):
        to_ours("vae", {})
