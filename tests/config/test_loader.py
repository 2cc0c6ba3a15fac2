from pathlib import Path

import pytest

from mindcast.config.loader import to_yaml
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

SMOKE = "configs/smoke/prediff.yaml"
ALL = sorted(str(p) for p in Path("configs").rglob("*.yaml"))


def refusal(*overrides, cfg=SMOKE):
    with pytest.raises(Refusal) as caught:
        load_settings(cfg, overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("cfg", ALL)
def test_every_shipped_file_loads_and_survives_a_round_trip(cfg, tmp_path):
    settings = load_settings(cfg)
    copy = tmp_path / "copy.yaml"
    copy.write_text(to_yaml(settings))
    assert load_settings(copy) == settings


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    text = refusal("model.denoiser.base_unit=8")
    assert text == (
        f"{SMOKE}: unknown key model.denoiser.base_unit; did you mean model.denoiser.base_units?"
    )


def test_an_unknown_key_of_a_training_stage_is_refused_with_the_nearest_known_one():
    assert "did you mean training.vae.learning_rate?" in refusal("training.vae.learning_rat=1")


def test_an_unknown_section_is_refused():
    assert "unknown key samplin; did you mean sampling?" in refusal("samplin.steps=1")


def test_an_unknown_training_stage_is_refused():
    text = refusal("training.vea.epochs=1")
    assert "unknown key training.vea; did you mean training.vae?" in text


def test_an_unknown_model_is_refused_with_the_known_ones():
    assert "model.name = 'prediv': unknown model, expected one of prediff" in refusal(
        "model.name=prediv"
    )


def test_a_wrong_type_names_key_and_value():
    text = refusal("sampling.steps=many")
    assert "sampling.steps = 'many': input should be a valid integer" in text


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sampling.steps=0", "sampling.steps = 0: input should be greater than 0"),
        ("sampling.eta=1.5", "sampling.eta = 1.5: input should be less than or equal to 1"),
        ("training.vae.ema_decay=1", "ema_decay = 1: input should be less than 1"),
        ("training.vae.micro_batch_size=3", "total_batch_size = 4 is not a multiple of"),
        ("model.frame_size=[30,32]", "30 x 32 is not divisible by 4"),
        ("model.autoencoder.norm_groups=3", "which norm_groups = 3 does not divide"),
        ("model.denoiser.heads=5", "which heads = 5 does not divide"),
    ],
)
def test_a_value_out_of_range_is_refused(override, expected):
    assert expected in refusal(override)


def without_stage(stage, tmp_path):
    cfg = tmp_path / "c.yaml"
    text = Path(SMOKE).read_text()
    cfg.write_text("\n".join(line for line in text.splitlines() if f"{stage}: {{" not in line))
    return cfg


def test_a_missing_stage_is_refused(tmp_path):
    assert "training.vae is missing" in refusal(cfg=without_stage("vae", tmp_path))


def test_an_optional_stage_may_go_without_settings(tmp_path):
    settings = load_settings(without_stage("alignment", tmp_path))
    assert set(settings.training) == {"vae", "diffusion"}


def test_a_file_that_is_not_there_is_refused():
    assert "none.yaml: No such file or directory" in refusal(cfg="none.yaml")


def test_a_file_that_is_not_yaml_is_refused_with_its_line(tmp_path):
    cfg = tmp_path / "c.yaml"
    cfg.write_text("model:\n  name: [prediff\n")
    assert "not valid YAML" in refusal(cfg=cfg)


def test_a_file_without_a_mapping_is_refused(tmp_path):
    cfg = tmp_path / "c.yaml"
    cfg.write_text("- 1\n")
    assert "holds list, expected a mapping" in refusal(cfg=cfg)


def test_a_malformed_override_is_refused():
    assert "expected key.path=value" in refusal("runtime.seed")
    assert "seed is a value" in refusal("runtime.seed.x=1")


@pytest.mark.parametrize("text", ["2019-13-45", "0b_", "[1", "[1\n", "*a"])
def test_an_override_whose_value_is_no_yaml_is_refused_in_one_line(text):
    assert "the value is not valid YAML; quote it" in refusal(f"data.start_date={text}")


def test_a_file_with_an_impossible_date_is_refused(tmp_path):
    cfg = tmp_path / "c.yaml"
    cfg.write_text("data: {start_date: 2019-13-45}\n")
    assert f"{cfg}: not valid YAML (cannot be parsed); fix the file" in refusal(cfg=cfg)


@pytest.mark.parametrize("value", [".nan", ".inf"])
def test_a_number_that_is_none_or_endless_is_refused(value):
    text = refusal(f"model.guidance.scale={value}")
    assert "model.guidance.scale" in text
    assert "finite number" in text


def test_a_path_of_a_user_who_does_not_exist_is_taken_as_it_stands(tmp_path):
    cfg = tmp_path / "configs" / "c.yaml"
    cfg.parent.mkdir()
    cfg.write_text(Path(SMOKE).read_text() + "\nckpt_path: ~nobody-here/a\n")
    assert load_settings(cfg).ckpt_path == str(tmp_path / "~nobody-here/a")


def test_overrides_are_applied_in_order():
    assert load_settings(SMOKE, ["runtime.seed=1", "runtime.seed=2"]).runtime.seed == 2


def test_a_path_in_the_file_is_relative_to_the_project_root_and_on_the_command_line_to_here(
    tmp_path,
):
    cfg = tmp_path / "configs" / "deep" / "c.yaml"
    cfg.parent.mkdir(parents=True)
    cfg.write_text(Path(SMOKE).read_text() + "\nckpt_path: runs/a\n")
    assert load_settings(cfg).ckpt_path == str(tmp_path / "runs/a")
    assert load_settings(cfg, ["ckpt_path=runs/b"]).ckpt_path == str(Path.cwd() / "runs/b")


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load_settings(SMOKE).runtime.seed = 3


def test_a_key_like_no_other_is_refused_with_all_known_ones():
    assert "unknown key runtime.zzz; known here: seed, fallback, mode" in refusal("runtime.zzz=1")


def test_an_override_tells_an_empty_text_from_none():
    settings = load_settings(
        "configs/smoke/prediff.yaml", ["ckpt_path=", "training.vae.max_steps=null"]
    )
    assert settings.ckpt_path == ""
    assert settings.training["vae"].max_steps is None


def test_a_data_set_of_another_task_is_refused():
    assert refusal("data.name=temperature") == (
        f"{SMOKE}: data.name = 'temperature' is for the task 'downscale', the model 'prediff' is "
        "for 'nowcast'; choose another data set"
    )
