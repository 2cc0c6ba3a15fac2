import csv
from pathlib import Path

import numpy as np
import pytest

from mindcast.models.diffcast.backbones.weights import to_ours_backbone
from mindcast.refusal import Refusal

MANIFESTS = Path(__file__).parents[5] / "shared" / "spec" / "manifests"


def test_prefix_buffers_and_second_names_are_dropped():
    first, second = np.zeros(1), np.ones(1)
    released = {
        "backbone_net.encoder.phycell.cell_list.0.convgate.bias": first,
        "backbone_net.phycell.cell_list.0.convgate.bias": second,
        "backbone_net.encoder.encoder_E.c1.main.0.bias": first,
        "backbone_net.k2m._invM0": np.eye(7),
    }
    ours = to_ours_backbone("phydnet", released)
    assert list(ours) == ["phycell.cell_list.0.convgate.bias", "encoder.encoder_E.c1.main.0.bias"]
    assert ours["phycell.cell_list.0.convgate.bias"] is second


def test_an_array_that_is_there_under_its_second_name_only_is_kept():
    ours = to_ours_backbone("phydnet", {"encoder.convcell.cell_list.0.conv.bias": np.ones(2)})
    assert list(ours) == ["convcell.cell_list.0.conv.bias"]


def test_index_tables_are_dropped():
    released = {"encoder.blocks.0.0.attn_l.0.relative_position_index": np.zeros((5, 5), int)}
    assert to_ours_backbone("earthformer", released) == {}


def test_a_whole_release_leaves_each_learned_array_once():
    path = MANIFESTS / "diffcast_phydnet.csv"
    if not path.is_file():
        pytest.skip(f"no manifest {path.name} beside the project")
    with path.open() as lines:
        rows = [r for r in csv.DictReader(lines) if r["name"].startswith("backbone_net.")]
    released = {
        r["name"]: np.broadcast_to(0.0, tuple(map(int, r["shape"].split("x")))) for r in rows
    }
    ours = to_ours_backbone("phydnet", released)
    assert sum(array.size for array in ours.values()) == 3_091_732


def test_an_unknown_backbone_is_refused():
    with pytest.raises(Refusal, match="backbone: 'mau', expected one of"):
        to_ours_backbone("mau", {})
