import csv
from pathlib import Path

import numpy as np
import pytest

from mindcast.models import load_spec
from mindcast.models.prediff.weights import to_ours, to_reference
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

MANIFESTS = Path(__file__).parents[4] / "shared" / "spec" / "manifests"
STAGES = {
    "vae": ("prediff_vae.csv", 84_499_393),
    "diffusion": ("prediff_unet.csv", 136_817_538),
    "alignment": ("prediff_align.csv", 8_937_033),
}


def shapes_in(manifest, buffers):
    path = MANIFESTS / manifest
    if not path.is_file():
        pytest.skip(f"no manifest {path.name} beside the project")
    with path.open() as lines:
        rows = [row for row in csv.DictReader(lines) if buffers or row["is_buffer"] == "0"]
    return {row["name"]: tuple(map(int, row["shape"].split("x"))) for row in rows}


def arrays(shapes):
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("stage", STAGES)
def test_all_learned_arrays_of_a_release_arrive_and_nothing_else(stage):
    manifest, count = STAGES[stage]
    ours = to_ours(stage, arrays(shapes_in(manifest, buffers=True)))
    assert ours.keys() == shapes_in(manifest, buffers=False).keys()
    assert sum(array.size for array in ours.values()) == count


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_the_shipped_configuration_builds_the_released_networks(stage):
    model = load_settings("configs/diffusion_cfg.yaml").model
    network = load_spec("prediff").stages[stage].build_network(model)
    parameters = {p.name: tuple(p.shape) for p in network.get_parameters()}
    manifest, count = STAGES[stage]
    assert sum(p.size for p in network.get_parameters()) == count
    ours = to_ours(stage, arrays(shapes_in(manifest, buffers=False)))
    assert parameters == {name: array.shape for name, array in ours.items()}


@pytest.mark.parametrize("stage", STAGES)
def test_the_way_back_gives_the_names_and_shapes_of_the_release(stage):
    learned = shapes_in(STAGES[stage][0], buffers=False)
    back = to_reference(stage, to_ours(stage, arrays(learned)))
    assert {name: array.shape for name, array in back.items()} == learned
    again = to_ours(stage, back)
    assert {n: a.shape for n, a in again.items()} == {
        n: a.shape for n, a in to_ours(stage, arrays(learned)).items()
    }


def test_read_out_convolutions_become_linear_maps_and_keep_their_values():
    kernel = np.arange(6.0).reshape(2, 3, 1)
    ours = to_ours("alignment", {"out.2.qkv_proj.weight": kernel})
    np.testing.assert_array_equal(ours["out.2.qkv_proj.weight"], kernel[:, :, 0])
    back = to_reference("alignment", ours)
    np.testing.assert_array_equal(back["out.2.qkv_proj.weight"], kernel)


def test_derived_buffers_are_dropped_and_running_statistics_kept():
    weights = {
        "main.3.num_batches_tracked": np.array(5),
        "main.3.running_mean": np.zeros(2),
        "attn_l.0.relative_position_index": np.zeros((2, 2), int),
    }
    assert list(to_ours("discriminator", weights)) == ["main.3.running_mean"]


def test_an_unknown_stage_is_refused():
    message = "stage: 'unet', expected one of vae, diffusion, alignment, discriminator"
    for function in (to_ours, to_reference):
        with pytest.raises(Refusal, match=message):
            function("unet", {})
