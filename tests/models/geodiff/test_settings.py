import pytest
from pydantic import ValidationError

from mindcast.config.schema import Sampling
from mindcast.models.geodiff.settings import DiffusionSettings, UNetSettings
from mindcast.refusal import Refusal
from tests.models.geodiff.small import settings_of


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels_hpa": (500, 1000)}, "expected two or more pressures, falling"),
        ({"levels_hpa": (1000,)}, "expected two or more pressures, falling"),
        ({"frame_size": (8, 10)}, "expected multiples of 4"),
        ({"diffusion": {"guidance": 2.0}}, "needs a network trained with conditioning_dropout > 0"),
        ({"deterministic": {"dim": 5}}, "dim / 2 frequencies"),
        ({"denoiser": {"head_size": 5}}, "features turn in pairs"),
        ({"denoiser": {"first_kernel": 4}}, "has no centre"),
        ({"denoiser": {"buckets": 30}}, "expected a multiple of 4"),
        ({"denoiser": {"max_distance": 8}}, "a distance above a quarter"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings_of(**changes)


def test_the_defaults_are_the_public_network():
    assert UNetSettings().widths == (64, 128, 256, 512)
    assert UNetSettings().reduction == 8


def test_ddim_visits_both_ends_and_ddpm_all_steps():
    options = DiffusionSettings(timesteps=100)
    times = [step.t for step in options.plan(Sampling(sampler="ddim", steps=5))]
    assert times == [99, 74, 50, 25, 0]  # round(linspace(0, 99, 5)), half to even
    assert [s.t for s in options.plan(Sampling(sampler="ddpm", steps=100))] == list(
        range(99, -1, -1)
    )
    with pytest.raises(Refusal, match=r"sampling\.steps: 101, expected 1 to 100"):
        options.plan(Sampling(sampler="ddim", steps=101))


def test_a_spacing_that_is_asked_for_is_taken_by_ddim_too():
    trailing = Sampling(sampler="ddim", steps=5, spacing="trailing")
    assert [s.t for s in DiffusionSettings(timesteps=100).plan(trailing)] == [99, 79, 59, 39, 19]
