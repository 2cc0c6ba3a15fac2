from functools import cache

import numpy as np
import pytest

from mindcast.conversion.converted import convert
from mindcast.models.cuboid_sizes import level_sizes
from mindcast.models.prediff.settings import CuboidSettings
from mindcast.models.released import Shapes
from mindcast.refusal import Refusal
from tests.conversion.states import choice, settings_of, state_of, stored

PREDIFF = "diffusion_cfg.yaml"
SMALL = (
    "model.frame_size=[32, 48]",
    "model.target_frames=2",
    "model.autoencoder.latent_channels=4",
    "model.autoencoder.block_channels=[32, 32, 64]",
)
PYRAMID = {
    "base_units": 12,
    "depth": [2, 1],
    "heads": 3,
    "time_embedding_multiple": 2,
    "scale_shift": "true",
    "gated_ffn": "true",
    "downsample": 3,  # levels of 12 and 36 channels
}
OTHER_PYRAMID = {
    "base_units": 8,
    "depth": "[1]",
    "heads": 2,
    "relative_position": "true",
    "attention_projection": "false",
    "ffn_after_each_attention": "false",
}
GEODIFF = "geodiff_cfg.yaml"
UNET = (
    "{dim: 8, multiples: [1, 3], heads: 2, head_size: 6, buckets: 8, first_kernel: 5, "
    "linear_attention: false, upsample: nearest_conv}"
)
TEN_STEPS = ("model.diffusion.timesteps=10", "sampling.steps=10")
CASES = {
    "vae": (PREDIFF, "vae", ("model.autoencoder.layers_per_block=1", *SMALL)),
    "denoiser": (PREDIFF, "diffusion", (*SMALL, "model.denoiser.upsample_kernel=5")),
    "alignment": (PREDIFF, "alignment", (*SMALL, "model.alignment.out_channels=2")),
    "simvp": (
        "diffcast_simvp_cfg.yaml",
        "joint",
        (
            "model.context_frames=4",
            "model.target_frames=8",
            "model.patch=2",
            "model.denoiser={dim: 8, multiples: [1, 2, 3]}",
            *TEN_STEPS,
            "model.simvp={spatial_channels: 4, temporal_channels: 16, temporal_layers: 3, "
            "spatial_layers: 3, encoder_kernel: 5, branch_kernels: [3, 5], groups: 4}",
        ),
    ),
    "phydnet": (
        "diffcast_phydnet_cfg.yaml",
        "joint",
        (
            "model.denoiser={dim: 8, multiples: [1, 2], sees_forecast: true}",
            "model.context_net.use=false",
            "model.phydnet={width: 16, lstm_channels: [5, 32], lstm_kernel: 5, kernel: 5}",
        ),
    ),
    "convgru": (
        "diffcast_convgru_cfg.yaml",
        "backbone",
        ("model.convgru={stem: [2, 3], hidden: [3, 4], state_kernels: [5, 3], input_kernel: 5}",),
    ),
    "earthformer": (
        "diffcast_earthformer_cfg.yaml",
        "backbone",
        (
            "model.frame_size=[32, 64]",
            "model.context_frames=2",
            "model.target_frames=6",
            "model.earthformer={base_units: 8, encoder_depth: [2, 1], decoder_depth: [1, 2], "
            "heads: 2, global_vectors: 3, stem_channels: [4, 8], stem_factors: [1, 2], "
            "stem_convolutions: [2, 1], global_self_attention: false}",
        ),
    ),
    "deterministic": (GEODIFF, "deterministic", (f"model.deterministic={UNET}",)),
    "residual": (
        GEODIFF,
        "diffusion",
        (f"model.denoiser={UNET}", "model.priors.use=false", "model.statics=false"),
    ),
    "both": (GEODIFF, "joint", (f"model.deterministic={UNET}", *TEN_STEPS)),
}
UNTOLD = {  # what no shape tells and the user has to give again
    "vae": ("model.frame_size=[32, 48]", "model.target_frames=2"),
    "denoiser": ("model.target_frames=2", "model.autoencoder.block_channels=[32, 32, 64]"),
    "alignment": ("model.autoencoder.block_channels=[32, 32, 64]",),
    "simvp": ("model.target_frames=8", "model.context_frames=4"),
    "earthformer": ("model.target_frames=6", "model.context_frames=2"),
}


def pyramid(section, values):
    return tuple(f"model.{section}.{key}={value}" for key, value in values.items())


def given(name):
    configuration, stage, overrides = CASES[name]
    if name == "denoiser":
        overrides = (*overrides, *pyramid("denoiser", PYRAMID))
    if name == "alignment":
        overrides = (*overrides, *pyramid("alignment", OTHER_PYRAMID))
    return settings_of(configuration, *overrides), stage


@pytest.fixture(scope="module")
def converted():
    """By name of a case: its settings, its state dict, and what is made of that."""

    @cache
    def of(name):
        settings, stage = given(name)
        state = state_of(settings, stage)
        return settings, state, convert(stored(state), choice(*UNTOLD.get(name, ())))

    return of


@pytest.mark.parametrize("name", CASES)
def test_of_weights_of_other_sizes_the_settings_are_read_off_the_shapes(name, converted):
    settings, _, made = converted(name)
    assert made.settings.model == settings.model
    assert (made.spec.name, made.stage) == (settings.model.name, CASES[name][1])


@pytest.mark.parametrize("name", CASES)
def test_the_way_there_and_back_changes_no_bit(name, converted):
    _, state, made = converted(name)
    back = made.reference()
    assert back.keys() == state.keys()
    for key, array in state.items():
        np.testing.assert_array_equal(back[key], array, err_msg=key)
        assert back[key].dtype == array.dtype


def test_frames_that_are_shared_out_otherwise_have_to_be_told():
    settings, stage = given("denoiser")
    with pytest.raises(Refusal, match=r"sequences have 9 frames, the settings 7 \+ 6; .* not in"):
        convert(stored(state_of(settings, stage)), choice())


def test_levels_of_other_number_have_to_be_told():
    three = "model.levels_hpa=[1000, 850, 500]"
    settings = settings_of(GEODIFF, f"model.deterministic={UNET}", three)
    state = state_of(settings, "deterministic")
    with pytest.raises(Refusal, match=r"trained on 3 levels, the settings have 8; .*levels_hpa="):
        convert(stored(state), choice())
    assert convert(stored(state), choice(three)).settings.model == settings.model


def test_what_was_read_off_and_what_was_assumed_is_said():
    settings, stage = given("vae")
    notes = "\n".join(convert(stored(state_of(settings, stage)), choice()).notes)
    assert "read off the shapes, other than there: autoencoder.latent_channels = 4" in notes
    assert "in no shape, as there or by --set: autoencoder.norm_groups = 32" in notes


def test_settings_of_the_user_that_contradict_the_shapes_are_refused():
    settings, stage = given("vae")
    message = r"block_channels = \[64, 64, 64\], the shapes of the weights give \[32, 32, 64\]; lea"
    with pytest.raises(Refusal, match=message):
        convert(
            stored(state_of(settings, stage)),
            choice("model.autoencoder.block_channels=[64, 64, 64]"),
        )


@pytest.mark.parametrize(("factor", "units"), [(2, (12, 36)), (2, (8, 40, 200)), (3, (4, 8))])
def test_growth_of_levels_is_found_where_the_published_one_does_not_fit(factor, units):
    shapes = Shapes({"merge.0.norm.weight": (factor**2 * units[0],)})
    found = level_sizes(shapes, "merge.", units, alpha=1.0)
    made = CuboidSettings(
        base_units=units[0],
        downsample=found["downsample"],
        scale_alpha=found["scale_alpha"],
        depth=[1] * len(units),
    )
    assert made.units == units


def test_patterns_that_the_shapes_do_not_have_are_refused_with_the_first_difference():
    settings, stage = given("denoiser")
    overrides = (*UNTOLD["denoiser"], "model.denoiser.patterns=full")
    with pytest.raises(Refusal, match=r"attn_l\.1\..* left over|bias_table is \(17, 3\), the set"):
        convert(stored(state_of(settings, stage)), choice(*overrides))


def test_channels_that_no_growth_of_levels_gives_are_refused():
    settings, stage = given("denoiser")
    state = state_of(settings, stage)
    block = "down_time_embed_blocks.1.in_layers.0.weight"
    state[block] = np.zeros(37, np.float32)  # 37 / 12 is no whole number
    with pytest.raises(Refusal, match=r"levels have 12, 37 channels, which no scale_alpha gives"):
        convert(stored(state), choice(*UNTOLD["denoiser"]))
