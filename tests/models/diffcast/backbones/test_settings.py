import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from mindcast.models.diffcast.backbones import BACKBONES, check_backbone
from mindcast.models.diffcast.backbones import settings as types
from mindcast.refusal import Refusal

PACKAGE = Path(types.__file__).parent
FRAME = (128, 128)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_published_sizes_can_forecast_20_and_10_frames_from_5(name):
    for target in (20, 10):
        check_backbone(name, BACKBONES[name].settings_type(), 5, target, FRAME)


@pytest.mark.parametrize(
    ("name", "context", "target", "frame", "message"),
    [
        ("simvp", 5, 12, FRAME, "simvp: target_frames = 12 is not a multiple of context_frames"),
        ("simvp", 5, 20, (128, 127), "simvp: frames of 128 x 127 are not divisible by 2"),
        ("phydnet", 5, 20, (128, 126), "phydnet: frames of 128 x 126 are not divisible by 4"),
        ("convgru", 5, 20, (100, 128), "convgru: frames of 100 x 128 are not divisible by 8"),
        ("advection", 5, 20, (128, 127), "advection: frames of 128 x 127 are not divisible by 2"),
        ("earthformer", 0, 20, FRAME, "context_frames=0, target_frames=20: both must be at least"),
        ("phydnet", 5, 0, FRAME, "context_frames=5, target_frames=0: both must be at least 1"),
    ],
)
def test_frames_that_a_backbone_cannot_take_are_refused(name, context, target, frame, message):
    with pytest.raises(Refusal, match=message):
        check_backbone(name, BACKBONES[name].settings_type(), context, target, frame)


def test_stacked_channels_that_the_groups_do_not_divide_are_refused():
    settings = types.SimVPSettings(spatial_channels=2, temporal_channels=16)
    with pytest.raises(Refusal, match="context_frames x spatial_channels = 6 is not divisible by"):
        check_backbone("simvp", settings, 3, 3, FRAME)
    check_backbone("simvp", settings, 4, 4, FRAME)


def test_an_unknown_backbone_is_refused_with_the_names():
    with pytest.raises(Refusal, match="'mau', expected one of simvp, phydnet, convgru, earthf"):
        check_backbone("mau", types.SimVPSettings(), 5, 20, FRAME)


def test_settings_of_another_backbone_are_an_error():
    with pytest.raises(TypeError, match="simvp takes SimVPSettings"):
        check_backbone("simvp", types.PhyDNetSettings(), 5, 20, FRAME)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("SimVP", {"encoder_kernel": 4}, "encoder_kernel has 4, expected an odd size"),
        ("SimVP", {"branch_kernels": (3, 6)}, "branch_kernels has 6, expected an odd size"),
        ("SimVP", {"spatial_channels": 7}, "spatial_channels has 7, which 2"),
        ("SimVP", {"temporal_layers": 1}, "greater than or equal to 2"),
        ("PhyDNet", {"lstm_channels": (128, 128)}, "ends with 128, expected 2 width = 64"),
        ("PhyDNet", {"width": 24, "lstm_channels": (48,)}, "width has 24, which 16"),
        ("PhyDNet", {"kernel": 6}, "kernel has 6, expected an odd size"),
        ("ConvGRU", {"hidden": (64, 192)}, "hidden has 2 entries, stem has 3"),
        ("ConvGRU", {"state_kernels": (5, 4, 3)}, "state_kernels has 4, expected an odd"),
        ("ConvGRU", {"balanced_weights": (1.0,)}, "has 1 entries, expected one more than the 4"),
        ("Earthformer", {"decoder_depth": (1,)}, "decoder_depth has 1 levels, encoder_depth has 2"),
        ("Earthformer", {"encoder_patterns": ("axial",)}, "has 1 names for 2 levels"),
        (
            "Earthformer",
            {"decoder_patterns": "spiral"},
            "decoder_patterns: 'spiral', expected one of",
        ),
        ("Earthformer", {"heads": 3}, "a level has 128, which 3"),
        ("Earthformer", {"stem_factors": (2, 2)}, "stem_factors has 2 entries, stem_channels has"),
        ("Earthformer", {"base_units": 64}, "ends with 128, expected base_units = 64"),
        ("Advection", {"dim": 12}, "dim has 12, which 8 .groups of its norms. does not divide"),
        ("Advection", {"multiples": ()}, "at least 1 item"),
        ("Advection", {"events": {"levels": (0.2, 1.0)}}, "less than 1"),
        ("Advection", {"events": {"levels": ()}}, "at least 1 item"),
        ("Advection", {"events": {"softness": 0}}, "greater than 0"),
        ("Advection", {"motion": {"spread": -0.1}}, "greater than or equal to 0"),
        ("Advection", {"motion": {"local_spread": -0.1}}, "greater than or equal to 0"),
        ("Advection", {"motion": {"local_scale": 0}}, "greater than 0"),
        ("Advection", {"motion": {"start_spread": -0.1}}, "greater than or equal to 0"),
        ("Advection", {"motion": {"candidates": 0}}, "greater than 0"),
        ("Advection", {"motion": {"inflow": "wrap"}}, "'edge', 'zero' or 'drawn'"),
        (
            "Earthformer",
            {"global_width_ratio": 2, "separate_global_projections": False},
            "global_width_ratio = 2 needs separate_global_projections",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(kind, values, message):
    with pytest.raises(ValidationError, match=message):
        getattr(types, f"{kind}Settings")(**values)


@pytest.mark.parametrize("name", ["__init__", "settings", "moments", "weights"])
def test_what_is_asked_before_mindspore_is_loaded_does_not_import_it(name):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert not any(module.startswith("mindspore") for module in imported)


def test_blocks_of_events_fit_into_the_frame():
    settings = types.AdvectionSettings(events=types.EventSettings(pool=16))
    with pytest.raises(Refusal, match=r"events\.pool = 16 is wider than frames of 8 x 32 cells"):
        check_backbone("advection", settings, 2, 4, (8, 32))
    check_backbone("advection", settings.model_copy(update={"loss": "mse"}), 2, 4, (8, 32))
