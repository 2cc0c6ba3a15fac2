from dataclasses import replace

import pytest

from mindcast.config.marks import FREE, without
from mindcast.models import MODELS, load_spec
from mindcast.models.diffcast.backbones import BACKBONES
from mindcast.refusal import Refusal
from mindcast.settings import load_settings
from mindcast.training.origin import check_origin, settings_in, warn_of_other_data

STAGES = [(model, stage) for model in MODELS for stage in load_spec(model).stages]
ADVECTION = "model.backbone=advection"
SHANGHAI = "data={name: shanghai, root_dir: any}"


def loaded(model, *changes):
    return load_settings(f"configs/smoke/{model}.yaml", changes)


def stored(model, *changes):
    return loaded(model, *changes).model_dump(mode="json")


def check(before, model, stage, *changes):
    check_origin("a.ckpt", before, load_spec(model), loaded(model, *changes), stage)


def refused(*arguments):
    with pytest.raises(Refusal) as caught:
        check(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("model", "stage"), STAGES)
def test_the_settings_that_made_a_checkpoint_are_accepted(model, stage):
    check(stored(model), model, stage)
    check({}, model, stage)  # those of a checkpoint that does not know them


def test_a_checkpoint_from_before_there_was_motion_serves_a_model_without():
    before = stored("prediff")
    del before["model"]["motion"]
    check(before, "prediff", "diffusion")
    assert "was made with model.motion = null, not" in refused(
        before, "prediff", "diffusion", "model.motion={}"
    )
    before = stored("diffcast")
    for section, key in (
        ("denoiser", "sees_forecast"),
        ("context_net", "use"),
        ("diffusion", "residual_scale"),
    ):
        del before["model"][section][key]
    del before["model"]["advection"]
    check(before, "diffcast", "joint")
    check(before, "diffcast", "backbone")


@pytest.mark.parametrize(
    ("model", "stage", "section", "on"),
    [
        ("prediff", "diffusion", "model.motion", "model.motion={}"),
        ("diffcast", "backbone", "model.advection.motion", ADVECTION),
        ("diffcast", "joint", "model.advection.motion", ADVECTION),
    ],
)
def test_how_motion_is_found_binds_and_how_members_err_does_not(model, stage, section, on):
    before = stored(model, on)
    free = ("spread=3", "local_spread=0", "local_scale=0.5", "candidates=4")
    check(before, model, stage, on, *(f"{section}.{change}" for change in free))
    for change, words in (("method=lucas_kanade", "= dis, not"), ("inflow=zero", "= drawn, not")):
        key = change.partition("=")[0]
        message = refused(before, model, stage, on, f"{section}.{change}")
        assert f"was made with {section}.{key} {words}" in message


def test_a_difference_is_named_with_both_values_the_file_and_what_to_do():
    message = refused(stored("diffcast"), "diffcast", "joint", "model.diffusion.timesteps=400")
    assert message == (
        "a.ckpt: was made with model.diffusion.timesteps = 100, not 400; use the config.yaml of "
        "the run that made it, or --set model.diffusion.timesteps=100"
    )


@pytest.mark.parametrize(
    ("model", "stage", "change", "words"),
    [
        ("diffcast", "joint", "model.diffusion.prediction=epsilon", "--set model.diffusion.predic"),
        ("diffcast", "joint", "model.diffusion.schedule=cosine", "schedule = sigmoid, not cosine"),
        ("diffcast", "joint", "model.diffusion.clip=null", "clip = 1.0, not null"),
        ("diffcast", "backbone", "model.context_frames=2", "model.context_frames = 3, not 2"),
        ("diffcast", "backbone", "model.frame_size=[64,64]", "--set 'model.frame_size=[32,32]'"),
        ("diffcast", "backbone", "model.simvp.groups=4", "model.simvp.groups = 8, not 4"),
        ("diffcast", "joint", "model.denoiser.sees_forecast=true", "sees_forecast = false, not"),
        ("diffcast", "joint", "model.diffusion.residual_scale=5", "residual_scale = 2.0, not 5.0"),
        ("prediff", "vae", "model.autoencoder.norm_groups=2", "norm_groups = 4, not 2"),
        ("prediff", "alignment", "model.diffusion.scale_factor=2", "scale_factor = 1.0, not 2.0"),
        ("prediff", "diffusion", "model.diffusion.linear_end=0.01", "linear_end = 0.02, not 0.01"),
        ("geodiff", "deterministic", "model.priors.limit=4", "model.priors.limit = 8.0, not 4.0"),
        ("geodiff", "diffusion", "model.diffusion.scale=2", "model.diffusion.scale = 4.0, not 2.0"),
        ("geodiff", "joint", "model.levels_hpa=[1000,850,700,500]", "[1000.0,850.0,500.0,300.0]"),
        (
            "geodiff",
            "deterministic",
            "data.coarsening=bicubic",
            "data.coarsening = block_mean, not",
        ),
        ("diffcast", "joint", "data.interval_minutes=5", "data.interval_minutes = 10, not 5"),
    ],
)
def test_what_gives_weights_their_meaning_must_be_the_same(model, stage, change, words):
    assert words in refused(stored(model), model, stage, change)


def test_the_scale_of_sequences_must_be_the_same():
    before = stored("diffcast", SHANGHAI)
    message = refused(before, "diffcast", "joint", SHANGHAI, "data.value_scale=70")
    assert "was made with data.value_scale = 90.0, not 70.0" in message


@pytest.mark.parametrize(
    ("model", "stage", "name", "key", "value"),
    [
        ("diffcast", "joint", "shanghai", "axes", "hwt"),
        ("geodiff", "deterministic", "temperature", "wind_axes", "earth"),
    ],
)
def test_files_are_read_as_they_were_and_other_files_as_they_are(model, stage, name, key, value):
    data = f"data={{name: {name}, root_dir: any}}"
    message = refused(stored(model, data), model, stage, data, f"data.{key}={value}")
    assert f"was made with data.{key} = " in message
    check(stored(model, data), model, stage, data.replace("any", "other"), f"data.{key}={value}")


@pytest.mark.parametrize(
    ("model", "stage", "changes"),
    [
        # how forecasts are steered, cut and scored
        ("prediff", "diffusion", ["model.guidance={scale: 1, target: truth}", "model.stride=1"]),
        ("geodiff", "diffusion", ["model.tile={size: [16, 16], overlap: 4}"]),
        ("geodiff", "joint", ["model.enforce_lr_mean=true", "model.frame_size=[32, 32]"]),
        ("diffcast", "joint", ["sampling.steps=9", "sampling.sampler=dpmpp_2m", "runtime.seed=7"]),
        ("diffcast", "joint", ["data.root_dir=/elsewhere", "data.workers=2", "data.events=9"]),
        # what only another stage depends on: one autoencoder serves many diffusions
        ("prediff", "vae", ["model.diffusion.timesteps=400", "model.denoiser.base_units=32"]),
        ("prediff", "vae", ["model.context_frames=1", "model.adversary.kl_weight=0.1"]),
        ("prediff", "alignment", ["model.denoiser.base_units=32", "model.diffusion.prediction=v"]),
        ("diffcast", "backbone", ["model.diffusion.timesteps=400", "model.denoiser.dim=16"]),
        # another backbone than the one in use
        ("diffcast", "joint", ["model.phydnet.kernel=5", "model.advection.motion.inflow=zero"]),
        ("prediff", "alignment", ["model.motion={difference: false}"]),
        ("geodiff", "deterministic", ["model.diffusion.timesteps=40", "model.denoiser.dim=8"]),
        # how it was trained
        ("diffcast", "joint", ["model.alpha=0.3", "model.diffusion.weighting=snr"]),
        ("geodiff", "deterministic", ["model.loss.physics=1"]),
    ],
)
def test_what_weights_do_not_depend_on_may_change(model, stage, changes):
    check(stored(model), model, stage, *changes)


def test_the_first_of_several_differences_is_explained_and_the_others_are_named():
    changes = ["model.diffusion.timesteps=400", "model.diffusion.prediction=x0"]
    message = refused(stored("diffcast"), "diffcast", "joint", *changes)
    assert "timesteps = 100, not 400 (and model.diffusion.prediction); use" in message


def test_keys_that_had_another_name_are_compared_under_todays():
    before = stored("prediff")
    del before["model"]["diffusion"]["clip"]
    before["model"]["diffusion"]["clip_denoised"] = True  # 1.0
    message = refused(before, "prediff", "diffusion")
    assert "model.diffusion.clip = 1.0, not null" in message
    before["model"]["diffusion"]["clip_denoised"] = False
    check(before, "prediff", "diffusion")


def test_settings_that_this_version_would_refuse_are_compared_as_far_as_they_are_known():
    before = stored("diffcast")
    before["model"]["diffusion"]["of_long_ago"] = 1
    del before["model"]["diffusion"]["schedule"]
    check(before, "diffcast", "joint", "model.diffusion.schedule=cosine")
    assert "timesteps = 100" in refused(
        before, "diffcast", "joint", "model.diffusion.timesteps=400"
    )


@pytest.mark.parametrize(("model", "stage"), STAGES)
def test_a_stage_is_bound_to_keys_that_there_are(model, stage):
    settings = loaded(model).model
    for name in load_spec(model).stages[stage].bound_to(settings):
        value = settings
        for part in name.split("."):
            value = getattr(value, part)


@pytest.mark.parametrize("model", MODELS)
def test_every_key_that_is_not_free_binds_some_stage(model):
    settings, stages = loaded(model).model, load_spec(model).stages.values()
    bound = {name.partition(".")[0] for s in stages for name in s.bound_to(settings)} | {"name"}
    others = set(BACKBONES if model == "diffcast" else ())  # those that are not in use
    assert without(settings, FREE).keys() - bound <= others


def test_another_data_set_is_told_with_what_both_mean(capsys):
    before, now = stored("diffcast"), loaded("diffcast", SHANGHAI)
    check_origin("a.ckpt", before, load_spec("diffcast"), now, "joint")
    warn_of_other_data([before, before, {}], now)
    assert capsys.readouterr().err == (
        "mindcast: warning: trained on data.name = synthetic (VIL 0..255 every 10 min), used on "
        "shanghai (dBZ 0..90 every 6 min)\n"
    )


def test_the_same_data_set_and_one_that_is_not_known_any_more(capsys):
    warn_of_other_data([stored("diffcast")], loaded("diffcast"))
    assert capsys.readouterr().err == ""
    warn_of_other_data([{"data": {"name": "of_old"}}], loaded("diffcast"))
    assert "data.name = of_old (a set that is not known here)" in capsys.readouterr().err


@pytest.mark.parametrize("information", [{}, {"settings": None}, {"settings": [1]}])
def test_a_checkpoint_may_hold_no_settings(information):
    assert settings_in(information) == {}


def test_a_stage_that_names_nothing_is_bound_to_the_whole_model():
    spec = load_spec("diffcast")
    stage = replace(spec.stages["backbone"], bound_to=type(spec.stages["backbone"]).bound_to)
    assert "diffusion" in stage.bound_to(loaded("diffcast").model)
