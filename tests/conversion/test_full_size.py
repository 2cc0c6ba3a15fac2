import numpy as np
import pytest

from mindcast.cli import main
from mindcast.conversion.converted import expected_shapes
from mindcast.models import load_spec
from mindcast.models.prediff.weights import from_port
from mindcast.models.released import Shapes
from mindcast.weights.mindspore_file import write_entries
from mindcast.weights.read import read_weights
from mindcast.weights.write import write_pytorch, write_safetensors
from tests.conversion.states import manifest, random_arrays, settings_of, shape_of

PREDIFF, GEODIFF = "diffusion_cfg.yaml", "geodiff_cfg.yaml"
CHANNELS = {"init_conv.weight": (64, 3, 1, 7, 7), "final_conv.1.weight": (3, 64, 1, 1, 1)}
# manifest -> the network, and the format in which its file is made
NETWORKS = {
    "prediff_vae.csv": (PREDIFF, "vae", ".safetensors"),
    "prediff_unet.csv": (PREDIFF, "diffusion", ".pt"),
    "prediff_align.csv": (PREDIFF, "alignment", ".pt"),
    "diffcast_simvp.csv": ("diffcast_simvp_cfg.yaml", "joint", ".pt"),
    "diffcast_phydnet.csv": ("diffcast_phydnet_cfg.yaml", "joint", ".safetensors"),
    "convgru_128.csv": ("diffcast_convgru_cfg.yaml", "backbone", ".pt"),
    "earthformer_sevir128.csv": ("diffcast_earthformer_cfg.yaml", "backbone", ".pt"),
    "geodiff_unet3d.csv": (GEODIFF, "unet", ".pt"),
}
PORTS = {
    "prediff_vae_mindearth.csv": "vae",
    "prediff_unet_mindearth.csv": "diffusion",
    "prediff_align_mindearth.csv": "alignment",
}


def state_of(configuration, stage):
    """With random values that repeat, so that they cost neither time nor memory."""
    model = settings_of(configuration).model
    spec = load_spec(model.name)
    shapes = expected_shapes(spec, stage, model, Shapes(CHANNELS))
    return spec.released.to_reference(stage, random_arrays(shapes), model)


def convert(source, target):
    assert main(["--mode", "convert", "--from", str(source), "--to", str(target)]) == 0
    return target


def write(path, state):
    (write_pytorch if path.suffix == ".pt" else write_safetensors)(path, state)
    return path


def require_equal(path, state):
    content = read_weights(path).content
    assert content.keys() == state.keys()
    for name, array in state.items():
        assert content[name].dtype == array.dtype, name
        assert np.array_equal(content[name], array), name


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_weights_in_the_released_names_go_in_and_come_out_bit_equal(name, tmp_path):
    configuration, stage, ending = NETWORKS[name]
    state = state_of(configuration, stage)
    source = write(tmp_path / f"released{ending}", state)
    own = convert(source, tmp_path / "own.ckpt")
    source.unlink()
    back = convert(own, tmp_path / f"back{'.pt' if ending == '.safetensors' else '.safetensors'}")
    own.unlink()
    require_equal(back, state)
    back.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_way_out_has_the_names_shapes_and_types_of_the_release(name):
    rows = manifest(name)
    state = state_of(*NETWORKS[name][:2])
    assert {n: (a.shape, str(a.dtype)) for n, a in state.items()} == {
        row["name"]: (shape_of(row), row["dtype"]) for row in rows
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTS)
def test_checkpoints_of_mindearth_come_out_as_the_release(name, tmp_path):
    rows = manifest(name)
    released = state_of(PREDIFF, PORTS[name])
    learned = {row["name"]: shape_of(row) for row in rows if row["is_buffer"] == "0"}
    theirs = random_arrays(learned, seed=1)
    buffers = {row["name"]: released[row["name"]] for row in rows if row["is_buffer"] == "1"}
    write_entries(tmp_path / "port.ckpt", {**theirs, **buffers})
    back = convert(tmp_path / "port.ckpt", tmp_path / "back.pt")
    (tmp_path / "port.ckpt").unlink()
    expected = from_port({**theirs, **buffers})
    assert expected.keys() == released.keys()
    require_equal(back, {name: expected[name].reshape(released[name].shape) for name in released})
    back.unlink()
