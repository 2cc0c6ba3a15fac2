import pytest

from mindcast.data import AUGMENTATIONS, find_augmentation
from mindcast.refusal import Refusal


def test_every_name_in_the_table_finds_its_function_and_none_finds_none():
    found = {name: find_augmentation(name, (6, 6)) for name in AUGMENTATIONS}
    assert found.pop("none") is None
    assert {name: function.__name__ for name, function in found.items()} == {n: n for n in found}


def test_quarter_turns_of_frames_that_are_not_square_are_refused():
    with pytest.raises(Refusal, match=r"data\.frame_size = 5 x 6: quarter turns need square"):
        find_augmentation("quarter_turns", (5, 6))
    assert find_augmentation("any_angle", (5, 6))


def test_an_unknown_augmentation_is_refused_with_the_nearest_name_first():
    with pytest.raises(Refusal, match=r"'quarter_turn': unknown, expected one of quarter_turns, "):
        find_augmentation("quarter_turn", (6, 6))
