from typing import Annotated

import pytest

from mindcast.config.frozen import Frozen
from mindcast.config.marks import BOUND, FREE, SPEED, Difference, differences, only, without
from mindcast.data import DATASETS
from mindcast.models import MODELS, load_spec


class Inner(Frozen):
    depth: int = 1
    steering: Annotated[float, FREE] = 0.5


class Outer(Frozen):
    inner: Inner = Inner()
    maybe: Annotated[Inner | None, FREE] = Inner()
    sizes: Annotated[tuple[int, int], BOUND] = (2, 3)
    workers: Annotated[int, SPEED] = 1


class Heir(Outer):
    workers: int = 4  # keeps the mark of what it overrides


def test_marked_keys_are_left_out_at_any_depth():
    assert without(Outer(), FREE) == {"inner": {"depth": 1}, "sizes": [2, 3], "workers": 1}
    assert without(Outer(maybe=None), FREE) == without(Outer(), FREE)


def test_marked_keys_can_be_had_alone():
    assert only(Outer(), BOUND) == {"sizes": [2, 3]}


def test_an_overriding_field_keeps_the_mark_of_the_one_it_overrides():
    assert only(Heir(), SPEED) == {"workers": 4}


def test_differences_are_named_by_their_paths_with_both_values():
    before = {"a": {"b": 1, "c": [1]}, "d": None, "gone": 1}
    now = {"a": {"b": 2, "c": [1]}, "d": {"e": 1}, "new": 1}
    assert list(differences(before, now, "model")) == [
        Difference("model.a.b", 1, 2),
        Difference("model.d", None, {"e": 1}),
    ]
    assert next(differences(before, now)).key == "a.b"


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_says_what_its_numbers_mean_and_which_keys_do(name):
    settings_type = DATASETS[name].settings_type
    settings = settings_type.model_validate({"name": name, "root_dir": "any"})
    assert settings.meaning.split()[0].strip(",") in {"VIL", "dBZ", "K"}
    assert only(settings, BOUND)
    assert {"root_dir", "workers", "name"}.isdisjoint(only(settings, BOUND))
    assert "workers" not in without(settings, SPEED)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_keys_that_bind_and_keys_that_do_not(name):
    settings_type = load_spec(name).settings_type
    settings = settings_type.model_validate({"name": name})
    kept = without(settings, FREE)
    assert "diffusion" in kept
    assert kept["diffusion"].keys() >= {"timesteps", "prediction", "clip"}
    assert "guidance" not in {**kept, **kept["diffusion"]}
    assert kept != settings.model_dump(mode="json")
