import pytest

from mindcast.config.loader import to_yaml
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

# model, former key and value under model.diffusion, what they are now
FORMER = [
    ("prediff", "clip_denoised", "true", "clip", 1.0),
    ("prediff", "clip_denoised", "false", "clip", None),
    ("diffcast", "residual_clip", "2.0", "clip", 2.0),
    ("diffcast", "residual_clip", "null", "clip", None),
    ("geodiff", "objective", "noise", "prediction", "epsilon"),
    ("geodiff", "objective", "x0", "prediction", "x0"),
]


def smoke(model):
    return f"configs/smoke/{model}.yaml"


def file_without(model, key, tmp_path):
    """The smoke file with its data but without one key of the diffusion."""
    cfg = tmp_path / "run" / "config.yaml"
    cfg.parent.mkdir()
    lines = to_yaml(load_settings(smoke(model))).splitlines()
    cfg.write_text("\n".join(line for line in lines if not line.startswith(f"    {key}:")))
    return cfg


@pytest.mark.parametrize(("model", "old", "value", "new", "now"), FORMER)
def test_a_file_with_a_former_name_equals_one_with_the_new(model, old, value, new, now, tmp_path):
    cfg = file_without(model, new, tmp_path)
    text = cfg.read_text()
    expected = load_settings(cfg).model.diffusion.model_copy(update={new: now})
    cfg.write_text(text.replace("  diffusion:\n", f"  diffusion:\n    {old}: {value}\n", 1))
    assert load_settings(cfg).model.diffusion == expected


@pytest.mark.parametrize(("model", "old", "value", "new", "now"), FORMER)
def test_a_former_name_can_be_set_on_the_command_line(model, old, value, new, now, tmp_path):
    cfg = file_without(model, new, tmp_path)
    settings = load_settings(cfg, [f"model.diffusion.{old}={value}"])
    assert getattr(settings.model.diffusion, new) == now
    assert old not in to_yaml(settings)


@pytest.mark.parametrize(
    ("model", "overrides", "expected"),
    [
        ("prediff", ("clip_denoised=true", "clip=1.0"), "clip_denoised is the former name of clip"),
        ("diffcast", ("clip=1.0", "residual_clip=1.0"), "residual_clip is the former name of clip"),
        ("geodiff", ("objective=v",), "objective is the former name of prediction"),
        ("prediff", ("clip_denoised=3",), "clip_denoised = 3, expected one of [True, False]"),
        ("diffcast", ("residual_clip=-1",), "model.diffusion.clip = -1: input should be greater"),
    ],
)
def test_two_names_at_once_and_impossible_values_are_refused(model, overrides, expected):
    with pytest.raises(Refusal) as caught:
        load_settings(smoke(model), [f"model.diffusion.{override}" for override in overrides])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_former_name_nearly_right_is_refused_with_the_new_one():
    with pytest.raises(
        Refusal, match=r"unknown key model\.diffusion\.clipp; did you mean .*clip\?"
    ):
        load_settings(smoke("diffcast"), ["model.diffusion.clipp=1"])
