import csv
from pathlib import Path

import numpy as np
import pytest

from mindcast.models import load_spec
from mindcast.models.diffcast.weights import SCHEDULE, to_ours
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

MANIFESTS = Path(__file__).parents[4] / "shared" / "spec" / "manifests"
DENOISER, CONTEXT_NET = 39_593_349, 6_676_544
WHOLE = {"simvp": 57_332_998, "phydnet": 49_361_625}
BACKBONES = {  # of those that were never released only the backbone is listed
    "convgru": ("convgru_128.csv", 11_774_609),
    "earthformer": ("earthformer_sevir128.csv", 8_658_205),
}


def rows_of(manifest):
    path = MANIFESTS / manifest
    if not path.is_file():
        pytest.skip(f"no manifest {path.name} beside the project")
    with path.open() as lines:
        return list(csv.DictReader(lines))


def arrays(rows):
    """Zeros of the listed shapes, which take no memory."""
    return {
        row["name"]: np.broadcast_to(
            np.float32(0), tuple(map(int, row["shape"].split("x"))) if row["shape"] else ()
        )
        for row in rows
    }


def shapes(weights):
    return {name: tuple(array.shape) for name, array in weights.items()}


def built(backbone, stage):
    model = load_settings(f"configs/diffcast_{backbone}_cfg.yaml").model
    network = load_spec("diffcast").stages[stage].build_network(model)
    return {p.name: tuple(p.shape) for p in network.get_parameters()}


def size(shapes, prefix=""):
    return sum(int(np.prod(s)) for name, s in shapes.items() if name.startswith(prefix))


@pytest.mark.parametrize("backbone", WHOLE)
def test_of_a_release_all_but_tables_and_repeated_arrays_arrive(backbone):
    rows = rows_of(f"diffcast_{backbone}.csv")
    learned = [row for row in rows if row["is_buffer"] != "1" and not row["alias_of"]]
    ours = to_ours("joint", arrays(rows))
    assert shapes(ours) == shapes(arrays(learned))
    assert size(shapes(ours)) == WHOLE[backbone]


@pytest.mark.slow
@pytest.mark.parametrize("backbone", WHOLE)
def test_the_shipped_configuration_builds_the_released_networks(backbone):
    parameters = built(backbone, "joint")
    assert size(parameters) == WHOLE[backbone]
    assert size(parameters, "model.") == DENOISER
    assert size(parameters, "ctx_net.") == CONTEXT_NET
    assert parameters == shapes(to_ours("joint", arrays(rows_of(f"diffcast_{backbone}.csv"))))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_shipped_configuration_builds_the_specified_backbone(backbone):
    manifest, count = BACKBONES[backbone]
    parameters = built(backbone, "backbone")
    assert size(parameters) == count
    assert parameters == shapes(to_ours("backbone", arrays(rows_of(manifest))))


def test_a_backbone_is_taken_out_of_the_state_of_a_whole_model():
    hidden = np.arange(3.0)
    whole = {"backbone_net.hid.x": hidden, "model.y": np.zeros(1), "betas": np.zeros(4)}
    assert to_ours("backbone", whole).keys() == {"hid.x"}
    assert to_ours("backbone", {"hid.x": hidden}).keys() == {"hid.x"}
    assert to_ours("joint", whole).keys() == {"backbone_net.hid.x", "model.y"}


def test_the_tables_of_the_noise_schedule_are_thirteen():
    assert len(SCHEDULE) == 13


def test_an_unknown_stage_or_backbone_is_refused():
    with pytest.raises(Refusal, match="stage: 'unet', expected one of backbone, joint"):
        to_ours("unet", {})
    with pytest.raises(Refusal, match=r"foreign\.weight \.\.\. are of no backbone known"):
        to_ours("joint", {"backbone_net.foreign.weight": np.zeros(1)})
    # a backbone of our own, of which no weights were ever released
    with pytest.raises(Refusal, match=r"no backbone known here, expected one of simvp, phydnet, c"):
        to_ours("backbone", {"correction.first.weight": np.zeros(1)})
