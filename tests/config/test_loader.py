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


def test_an_unknown_baseline_is_refused_with_those_that_there_are():
    assert refusal("evaluation.baselines=[steps,sprog]") == (
        f"{SMOKE}: evaluation.baselines.1 = 'sprog': input should be 'persistence', "
        "'extrapolation', 's-prog' or 'steps'"
    )


def test_one_name_where_a_list_is_expected_is_shown_as_one():
    assert refusal("evaluation.baselines=steps") == (
        f"{SMOKE}: evaluation.baselines = 'steps': expected a list, as in [steps]"
    )


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


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"- 1\n", ": holds list, expected a mapping of settings"),
        (b"", ": holds nothing, expected a mapping of settings"),
        (b"model: {}\n", ": model.name = nothing, expected a name"),
        (b"model: [1]\n", ": model.name = nothing, expected a name"),
        ("model: 1".encode("utf-16"), ": is not UTF-8 text"),
        (b"\x89HDF\r\n", ": is not UTF-8 text"),
        (b"a\0b", ": no text holds the character '\\x00'"),
        (b"model:\n\tname: x", ", line 2: not valid YAML (found character '\\t'"),
        (b"# " + b"x" * (1 << 18), ": holds more than 262144 bytes, no settings file"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(content, told, tmp_path):
    cfg = tmp_path / "c.yaml"
    cfg.write_bytes(content)
    assert refusal(cfg=cfg).startswith(f"{cfg}{told}")


def test_a_folder_or_a_device_is_no_settings_file(tmp_path):
    assert refusal(cfg=tmp_path) == (
        f"{tmp_path}: Is a directory; give an existing YAML file with --cfg"
    )
    assert "/dev/zero: holds more than" in refusal(cfg="/dev/zero")


def test_a_mark_of_the_byte_order_does_no_harm(tmp_path):
    cfg = tmp_path / "c.yaml"
    cfg.write_bytes(b"\xef\xbb\xbf" + Path(SMOKE).read_bytes())
    assert load_settings(cfg) == load_settings(SMOKE)


@pytest.mark.parametrize(
    "override", ["runtime.seed", "", "=1", ".=1", "runtime.=1", "runtime..a=1"]
)
def test_a_malformed_override_is_refused(override):
    assert refusal(override) == f"--set {override!r}: expected key.path=value, as in runtime.seed=1"


@pytest.mark.parametrize(
    "overrides", [["runtime.seed.x=1"], ["runtime=1", "runtime.seed=2"], ["data.files.0=a"]]
)
def test_an_override_below_a_plain_value_is_refused(overrides):
    cfg = "configs/smoke/geodiff.yaml"
    overrides = ["data.files=[a]", *overrides]
    assert "is a value, not a group of settings" in refusal(*overrides, cfg=cfg)


def test_an_override_below_null_is_one_below_an_absent_group(tmp_path):
    cfg = "configs/smoke/geodiff.yaml"
    resolved = tmp_path / "config.yaml"
    resolved.write_text(to_yaml(load_settings(cfg)))
    assert "test: null" in resolved.read_text()
    override = "data.test.columns=[3, 9]"
    assert load_settings(resolved, [override]) == load_settings(cfg, [override])
    assert load_settings(cfg, ["data.test=null", override]).data.test.columns == (3, 9)
    assert load_settings(cfg, ["data.test={}", override]).data.test.columns == (3, 9)


def test_an_override_of_one_section_leaves_another_that_shares_an_alias_as_it_is(tmp_path):
    before, _, after = Path(SMOKE).read_text().partition("training:")
    stages = "{vae: &stage {max_steps: 3}, diffusion: *stage, alignment: *stage}"
    cfg = tmp_path / "c.yaml"
    cfg.write_text(f"{before}training: {stages}\n{after[after.index('sampling:') :]}")
    training = load_settings(cfg, ["training.vae.max_steps=1"]).training
    assert (training["vae"].max_steps, training["diffusion"].max_steps) == (1, 3)


def test_the_home_of_a_user_is_filled_in(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(SMOKE, ["data.root_dir=~/radar", "ckpt_path=~/a"])
    assert settings.data.root_dir == f"{tmp_path}/radar"
    assert settings.ckpt_path == f"{tmp_path}/a"
    inside = load_settings(SMOKE, ["data={name: sevir_lr, root_dir: ~/radar}"])
    assert inside.data.root_dir == f"{tmp_path}/radar"


@pytest.mark.parametrize("text", ["[1", "[1\n", "*a", "{a: 1, a: 2}", "{3: 1}", "!x y", "a #b"])
def test_an_override_whose_value_is_no_yaml_is_refused_in_one_line(text):
    told = refusal(f"data.start_date={text}")
    assert told.startswith(f"--set {f'data.start_date={text}'!r}: ")


IMPOSSIBLE = {
    "2019-06-31": "day is out of range for month",
    "2019-02-29": "day is out of range for month",
    "2019-13-45": "month must be in 1..12",
    "0000-00-00": "year 0 is out of range",
    "2019-06-01 24:00:00": "hour must be in 0..23",
    "2019-06-01T12:60": "minute must be in 0..59",
}


@pytest.mark.parametrize(("date", "why"), IMPOSSIBLE.items())
def test_a_date_that_the_calendar_lacks_is_refused_with_its_key(date, why, tmp_path):
    told = f"data.start_date: '{date}' is not a date ({why}); write it like 2019-06-01 00:00:00"
    assert refusal(f"data.start_date={date}") == f"{SMOKE}: {told}"
    cfg = changed(tmp_path, "data:", f"data:\n  start_date: {date}")
    assert refusal(cfg=cfg) == f"{cfg}: {told}"


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e400"])
@pytest.mark.parametrize(
    "key",
    ["model.guidance.scale", "runtime.seed", "training.vae.max_steps", "model.frame_size"],
)
def test_a_number_that_is_none_or_endless_is_refused(key, value):
    text = refusal(f"{key}={f'[{value}, 4]' if key.endswith('size') else value}")
    assert key in text
    assert "finite number" in text


def changed(tmp_path, old, new):
    cfg = tmp_path / "c.yaml"
    text = Path(SMOKE).read_text()
    assert text.count(old) == 1
    cfg.write_text(text.replace(old, new))
    return cfg


def test_a_key_or_a_section_that_stands_twice_is_refused_with_both_lines(tmp_path):
    section = changed(tmp_path, "model:", "runtime: {seed: 7}\nmodel:")
    lines = section.read_text().splitlines()
    first, second = (n for n, line in enumerate(lines, 1) if line.startswith("runtime:"))
    assert refusal(cfg=section) == (
        f"{section}, line {second}: the key 'runtime' stands twice, first in line {first}; keep "
        "one of them; fix the file"
    )
    key = changed(tmp_path, "runtime: {", "runtime: {seed: 7, ")
    assert "the key 'seed' stands twice" in refusal(cfg=key)


@pytest.mark.parametrize("line", ["3: x", "true: x", "null: x", "1.5: x"])
def test_a_key_that_is_no_text_is_refused_with_its_line(line, tmp_path):
    cfg = changed(tmp_path, "data:", f"data:\n  {line}")
    number = cfg.read_text().splitlines().index(f"  {line}") + 1
    text = refusal(cfg=cfg)
    assert text.startswith(f"{cfg}, line {number}: the key {line[:-3]} is ")
    assert text.endswith("expected the name of a setting; fix the file")


@pytest.mark.parametrize("line", ["on: 1", "no: 1", "2019-01-01: 1"])
def test_a_key_that_only_looks_like_something_else_is_unknown(line, tmp_path):
    cfg = changed(tmp_path, "data:", f"data:\n  {line}")
    assert f"unknown key data.{line[:-3]};" in refusal(cfg=cfg)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("sampling.steps=true", "sampling.steps: true is no number"),
        ("sampling.eta=false", "sampling.eta: false is no number"),
        ("model.frame_size=[true, 4]", "model.frame_size: true is no number"),
        ("sampling.steps='3'", "sampling.steps: '3' is text, expected a number; write it without"),
        ("sampling.steps=0123", "sampling.steps: '0123' is text, expected a number; write it wi"),
        ("sampling.steps=12:30", "sampling.steps = '12:30': input should be a valid integer"),
        ("data.root_dir=2019", "data.root_dir = 2019: input should be a valid string, which qu"),
        ("runtime=[1]", "runtime = [1]: expected a group of keys, as {}"),
    ],
)
def test_one_kind_of_value_does_not_pass_for_another(override, told):
    assert told in refusal(override)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("on", True), ("no", False)])
def test_words_for_true_and_false_are_understood_where_these_are_expected(text, value):
    assert load_settings(SMOKE, [f"runtime.fallback={text}"]).runtime.fallback is value
    assert load_settings(SMOKE, [f"data.root_dir={text}"]).data.root_dir == text


@pytest.mark.parametrize("seed", [2**32, 2**64, 10**30, -1])
def test_a_seed_beyond_32_bits_is_refused_with_its_range(seed):
    text = refusal(f"runtime.seed={seed}")
    assert f"runtime.seed = {seed}: input should be " in text
    assert (
        "less than or equal to 4294967000" if seed > 0 else "greater than or equal to 0"
    ) in text


def test_the_highest_seed_leaves_room_for_the_number_of_a_stage():
    highest = load_settings(SMOKE, ["runtime.seed=4294967000"]).runtime.seed
    assert highest + 100 < 2**32


@pytest.mark.parametrize(
    "override",
    ["sampling.members=1e12", "model.denoiser.base_units=4000000000", "data.workers=99999999999"],
)
def test_a_number_beyond_all_use_is_refused_before_memory_is_asked_for(override):
    assert override.split("=")[0] in refusal(override)


def test_a_whole_number_without_a_range_of_its_own_has_one_nevertheless():
    assert refusal("evaluation.max_samples=4294967296").endswith(
        "evaluation.max_samples: 4294967296 is out of range, expected at most 4294967295"
    )
    assert load_settings(SMOKE, ["evaluation.max_samples=4294967295"])


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
