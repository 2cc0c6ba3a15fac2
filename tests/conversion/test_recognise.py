import numpy as np
import pytest

from mindcast.conversion.converted import convert
from mindcast.refusal import Refusal
from tests.conversion.states import choice, random_arrays, settings_of, state_of, stored

SMALL = (
    "model.frame_size=[32, 32]",
    "model.context_frames=3",
    "model.target_frames=2",
    "model.autoencoder.latent_channels=4",
    "model.autoencoder.block_channels=[32, 32]",
    "model.denoiser={base_units: 8, depth: [1]}",
    "model.alignment={base_units: 8, depth: [1]}",
)
FRAMES = ("model.context_frames=3", "model.target_frames=2")
BLOCKS = "model.autoencoder.block_channels=[32, 32]"
DIFFCAST = (
    "model.denoiser={dim: 8, multiples: [1, 2]}",
    "model.simvp={spatial_channels: 4, temporal_channels: 16, temporal_layers: 2, groups: 4, "
    "branch_kernels: [3]}",
)
UNET = "model.denoiser={dim: 8, multiples: [1, 2], heads: 2, head_size: 8}"


@pytest.fixture(scope="module")
def prediff():
    settings = settings_of("diffusion_cfg.yaml", *SMALL)
    return {stage: state_of(settings, stage) for stage in ("vae", "diffusion", "alignment")}


@pytest.fixture(scope="module")
def diffcast():
    return state_of(settings_of("diffcast_simvp_cfg.yaml", *DIFFCAST), "joint")


@pytest.fixture(scope="module")
def public_unet():
    """The 3-D U-Net as the public code has it, 3 channels."""
    from mindcast.layers.initialise import without_values
    from mindcast.models.geodiff.unet3d import UNet3d
    from mindcast.models.geodiff.weights import to_reference

    settings = settings_of("geodiff_cfg.yaml", UNET).model
    with without_values():
        network = UNet3d(settings.denoiser, 3, 3, np.arange(8))
    shapes = {p.name: tuple(p.shape) for p in network.get_parameters()}
    return to_reference("unet", random_arrays(shapes), settings)


def below(prefix, state):
    return {prefix + name: array for name, array in state.items()}


def averages_of(state):
    """As the reference keeps them: without dots, other values."""
    floats = {n: a for n, a in state.items() if a.dtype == np.float32}
    return {"model_ema." + name.replace(".", ""): array * 2 for name, array in floats.items()}


def latent_diffusion(prediff, stage="diffusion"):
    """What a training of the reference saves."""
    schedule = settings_of("diffusion_cfg.yaml").model.diffusion.process()
    inner = {
        **below("torch_nn_module.", prediff[stage]),
        **below("first_stage_model.", prediff["vae"]),
        **averages_of(prediff[stage]),
        "model_ema.decay": np.float32(0.9999).reshape(()),
        "model_ema.num_updates": np.array(7),
        "logvar": np.zeros(1000, np.float32),
        "betas": schedule.beta.astype(np.float32),
    }
    optimiser = [{"state": {0: {"exp_avg": np.zeros(3, np.float32)}}}]
    return {"state_dict": inner, "epoch": 3, "optimizer_states": optimiser, "callbacks": {}}


@pytest.mark.parametrize("stage", ["vae", "diffusion", "alignment"])
def test_a_bare_state_dict_is_told_by_its_names(stage, prediff):
    made = convert(stored(prediff[stage]), choice(*FRAMES, BLOCKS))
    assert (made.spec.name, made.stage) == ("prediff", stage)


@pytest.mark.parametrize("stage", ["diffusion", "alignment"])
def test_of_a_training_checkpoint_the_network_in_training_is_taken(stage, prediff):
    made = convert(stored(latent_diffusion(prediff, stage)), choice(*FRAMES, BLOCKS))
    assert made.stage == stage
    np.testing.assert_array_equal(
        made.arrays["time_embed.layer.0.bias"], prediff[stage]["time_embed.layer.0.bias"]
    )
    # 7 tables of averaging and schedule, the averages and the autoencoder are not needed
    assert any("not needed" in note for note in made.notes)
    assert "weights: raw; --weights ema takes the others" in made.notes


def test_the_averages_are_taken_where_they_are_asked_for(prediff):
    content = stored(latent_diffusion(prediff))
    made = convert(content, choice(*FRAMES, BLOCKS, copy="ema"))
    name = "time_embed.layer.0.bias"
    np.testing.assert_array_equal(made.arrays[name], 2 * prediff["diffusion"][name])


def test_an_average_of_nothing_is_refused(prediff):
    content = latent_diffusion(prediff)
    content["state_dict"]["model_ema.somethingelseweight"] = np.zeros(1, np.float32)
    with pytest.raises(
        Refusal, match=r"model_ema\.somethingelseweight is the average of no tensor"
    ):
        convert(stored(content), choice(*FRAMES, BLOCKS))


def test_the_autoencoder_of_a_training_checkpoint_is_taken_by_its_stage(prediff):
    made = convert(stored(latent_diffusion(prediff)), choice(stage="vae"))
    assert made.stage == "vae"
    for name, array in prediff["vae"].items():
        np.testing.assert_array_equal(made.arrays[name], array)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "net."])
def test_what_stands_before_every_name_does_not_matter(prefix, prediff):
    made = convert(stored(below(prefix, prediff["vae"])), choice())
    assert made.arrays.keys() == prediff["vae"].keys()


def test_a_checkpoint_of_diffcast_holds_weights_and_averages(diffcast):
    doubled = {n: a * 2 if a.dtype == np.float32 else a for n, a in diffcast.items()}
    twice = {
        n: doubled[n] if n.startswith(("model.", "ctx", "back")) else a for n, a in diffcast.items()
    }
    averages = {
        "initted": np.array(True),
        "step": np.array(5),
        **below("online_model.", diffcast),
        **below("ema_model.", twice),
    }
    content = stored({"step": 9, "epoch": 1, "model": diffcast, "ema": averages, "opt": {}})
    raw, ema = (convert(content, choice(copy=copy)) for copy in (None, "ema"))
    name = "model.init_conv.bias"
    np.testing.assert_array_equal(raw.arrays[name], diffcast[name])
    np.testing.assert_array_equal(ema.arrays[name], 2 * diffcast[name])
    assert raw.stage == "joint"
    assert raw.settings.model.backbone == "simvp"


def test_a_backbone_is_taken_out_of_a_whole_by_its_stage(diffcast):
    made = convert(stored(diffcast), choice(stage="backbone"))
    inner = {n for n in diffcast if n.startswith("backbone_net.")}
    assert {f"backbone_net.{name}" for name in made.arrays} == inner


def test_of_geodiff_s_public_trainer_the_averages_are_usual(public_unet):
    process = settings_of("geodiff_cfg.yaml").model.diffusion.process()
    whole = {
        "betas": process.beta.astype(np.float32),
        "alphas_cumprod": process.alpha_bar.astype(np.float32),
        **below("denoise_fn.", public_unet),
    }
    doubled = {n: a * 2 if n.endswith("init_conv.bias") else a for n, a in whole.items()}
    content = stored({"step": 4, "model": whole, "ema": doubled, "scaler": {"scale": 1.0}})
    made = convert(content, choice())
    assert (made.spec.name, made.stage) == ("geodiff", "unet")
    name = "init_conv.bias"
    np.testing.assert_array_equal(made.arrays[name], 2 * public_unet[name])
    raw = convert(content, choice(copy="raw"))
    np.testing.assert_array_equal(raw.arrays[name], public_unet[name])


def test_a_copy_that_is_not_there_is_refused(prediff):
    with pytest.raises(Refusal, match="holds the raw weights alone; leave out --weights ema"):
        convert(stored(prediff["vae"]), choice(copy="ema"))


def test_a_stage_that_is_not_there_is_refused(prediff):
    with pytest.raises(Refusal, match="holds prediff/vae, no stage diffusion; leave out --stage"):
        convert(stored(prediff["vae"]), choice(stage="diffusion"))


def test_two_networks_of_one_kind_are_refused(prediff):
    twice = {**below("a.", prediff["vae"]), **below("b.", prediff["vae"])}
    with pytest.raises(Refusal, match=r"holds several networks \(prediff/vae under a\., prediff/v"):
        convert(stored(twice), choice())


def test_weights_of_no_network_are_refused_by_their_first_names():
    foreign = {"conv1.weight": np.zeros(3, np.float32), "fc.bias": np.zeros(1, np.float32)}
    message = r"2 tensors are of no network known here \(conv1\.weight, fc\.bias \.\.\.\); expected"
    with pytest.raises(Refusal, match=message):
        convert(stored(foreign), choice())


def test_a_file_without_tensors_is_refused():
    with pytest.raises(Refusal, match="holds no tensors, expected those of a network"):
        convert(stored({"epoch": 3, "state_dict": {}}), choice())


def test_what_forecasts_need_beside_a_network_is_said(prediff, public_unet):
    notes = convert(stored(prediff["diffusion"]), choice(*FRAMES, BLOCKS)).notes
    assert "forecasts need beside it, in the same folder: vae" in notes
    notes = convert(stored(public_unet), choice()).notes
    assert any(note.startswith("note: the public network sees no coarse field") for note in notes)
