import pytest
from pydantic import ValidationError

from mindcast.models.diffcast.settings import DiffCastSettings, DiffusionSettings
from mindcast.settings import load_settings
from tests.models.diffcast.small import settings_of

PUBLISHED = ("simvp", "phydnet", "convgru", "earthformer")


def test_the_target_is_cut_into_segments_as_long_as_the_context():
    assert settings_of(context_frames=2, target_frames=6).segments == 3
    assert DiffCastSettings(name="diffcast").segments == 4


def test_the_first_forecast_frame_is_the_local_context_unless_another_is_given():
    assert settings_of(context_frames=2).local_index == 2
    assert settings_of(context_net={"local_index": 5}).local_index == 5


@pytest.mark.parametrize("clip", [None, 2.0])
def test_the_residual_may_be_limited_to_any_size_or_not_at_all(clip):
    assert DiffusionSettings(clip=clip).clip_range == (clip and (-clip, clip))
    assert DiffusionSettings().clip_range == (-1, 1)


@pytest.mark.parametrize("schedule", ["sigmoid", "cosine", "linear"])
def test_every_schedule_describes_a_process(schedule):
    process = DiffusionSettings(schedule=schedule, timesteps=50).process()
    assert process.timesteps == 50
    assert process.alpha_bar[-1] < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_frames": 5}, r"target_frames = 5 is not a multiple of context_frames = 2"),
        ({"frame_size": (8, 7)}, r"frame_size = 8 x 7 is not divisible by 2|8 x 7 are not"),
        (
            {"frame_size": (12, 12), "denoiser": {"dim": 8, "multiples": [1, 1, 1, 1]}},
            r"frame_size = 12 x 12 is not divisible by 8, the reduction of 4 levels",
        ),
        ({"patch": 3}, r"frame_size = 8 x 8 is not divisible by 6, .* of 3 x 3 patches"),
        ({"denoiser": {"dim": 12}}, r"dim = 12, expected a multiple of 8"),
        ({"context_net": {"local_index": 8}}, r"local_index = 8: there are 8 frames"),
        (
            {"backbone": "advection", "advection": {"dim": 8, "multiples": [1, 1, 1, 1, 1]}},
            r"backbone advection: frames of 8 x 8 are not divisible by 16",
        ),
        (
            {"context_net": {"use": False}},
            r"use = false leaves the denoiser without any conditioning; set denoiser.sees_forecast",
        ),
        ({"diffusion": {"residual_scale": 0}}, r"greater than 0"),
        ({"freeze_backbone": True, "warm_start": False}, r"would freeze random weights"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_the_user_s_words(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings_of(**changes)


def test_the_denoiser_sees_the_forecast_and_what_it_was_made_from_in_pixels_of_a_patch():
    seen = {"denoiser": {"dim": 8, "multiples": [1, 2], "sees_forecast": True}}
    assert settings_of().guide_channels == 0
    assert settings_of(**seen).guide_channels == 1
    assert settings_of(**seen, context_net={"use": False}).guide_channels == 1
    # the forecast and three moved channels, four pixels each
    advection = {"backbone": "advection", "advection": {"dim": 8}, "patch": 2}
    assert settings_of(**seen, **advection).guide_channels == 16


def test_motion_is_asked_for_by_the_backbone_that_takes_it():
    assert settings_of().motion is None
    advection = {"dim": 8, "motion": {"spread": 3}}
    assert settings_of(advection=advection).motion is None
    assert settings_of(backbone="advection", advection=advection).motion.spread == 3


@pytest.mark.parametrize("backbone", PUBLISHED)
def test_a_configuration_is_shipped_for_every_published_backbone(backbone):
    model = load_settings(f"configs/diffcast_{backbone}_cfg.yaml").model
    assert model == DiffCastSettings(name="diffcast", backbone=backbone)
