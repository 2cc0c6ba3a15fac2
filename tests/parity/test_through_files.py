from pathlib import Path

import pytest

from mindcast.cli import main
from mindcast.weights.mindspore_file import write_entries
from mindcast.weights.read import read_weights
from mindcast.weights.write import write_pytorch, write_safetensors
from tests.parity.golden import GoldenFile
from tests.parity.handlers import handler_for
from tests.weights.torch_files import tensor, write_legacy

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


def write_old_pytorch(path, arrays):
    write_legacy(path, {name: tensor(array) for name, array in arrays.items()})


WRITERS = {
    "pytorch": write_pytorch,
    "old-pytorch": write_old_pytorch,
    "safetensors": write_safetensors,
    "mindspore": write_entries,
}
FRAMES = ("model.context_frames=3", "model.target_frames=2")
HALVED = "model.autoencoder={block_channels: [32, 32]}"  # latents of 8 x 8, frames of 16 x 16
ALIGNED = (*FRAMES, HALVED, "model.adversary.layers=1")
ODD = ("model.context_frames=2", "model.target_frames=2")
# (earthformer_tiny forecasts 4 frames from 3, which DiffCast, in whole segments of 3, never does)
# golden file -> where in it the weights of each network are, with what no shape tells
FILES = {
    "prediff/vae_autoencoder_kl": {"w/": ("model.autoencoder.norm_groups=4",)},
    "prediff/unet_axial_2level": {"w/": FRAMES},
    "prediff/unet_odd_swin_noskip": {
        "w/": (
            *ODD,
            "model.denoiser.patterns=[video_swin_2x4, axial]",
            "model.denoiser.skip_connections=false",
            "model.denoiser.padding=ignore",
        )
    },
    "prediff/align_nonseq": {"w/": ()},
    "prediff/sampling_full5_aligned": {
        "w_vae/": ("model.autoencoder.norm_groups=4",),
        "w_unet/": ALIGNED,
        "w_align/": ALIGNED,
    },
    "diffcast/diffcast_sample_eta0": {"w/": ("model.target_frames=10",)},
    "diffcast/phydnet_tiny": {"w/": ()},
    "diffcast/simvp_tiny": {"w/": ("model.context_frames=3", "model.target_frames=6")},
    "diffcast/convgru_tiny": {"w/": ()},
    "geodiff/unet3d_a": {"w/": ()},
    "geodiff/unet3d_cond": {"w/": ()},
}
KINDS = dict(zip(FILES, list(WRITERS) * len(FILES), strict=False))


def through_files(folder, arrays, kind, overrides):
    """The weights of a network, from a file to a checkpoint of ours and from there to another."""
    source, own, back = folder / "released", folder / "own.ckpt", folder / "back.safetensors"
    WRITERS[kind](source, arrays)
    words = [word for text in overrides for word in ("--set", text)]
    for one, other, more in ((source, own, words), (own, back, [])):
        assert main(["--mode", "convert", "--from", str(one), "--to", str(other), *more]) == 0
    content = read_weights(back).content
    for path in (source, own, back):
        path.unlink()
    return {name: content[name] for name in arrays}


def check(name, kind, folder):
    path = GOLDEN / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"no golden file {name} beside the project")
    golden = GoldenFile.read(path)
    for prefix, overrides in FILES[name].items():
        made = through_files(folder, golden.under(prefix), kind, overrides)
        golden.arrays.update({f"{prefix}{key}": array for key, array in made.items()})
    failed = [c.name for c in handler_for(path)(golden) if not c.passed()]
    assert not failed


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_golden_weights_that_went_through_files_give_the_golden_outputs(name, tmp_path):
    check(name, KINDS[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_of_each_format_gives_the_golden_outputs(kind, tmp_path):
    check("prediff/vae_autoencoder_kl", kind, tmp_path)
