"""What fits into the memory: of the demo models, whose settings say what they take."""

import numpy as np
import pytest

from mindcast import capacity
from mindcast.capacity import MOST, fitted, fitted_to
from mindcast.models import MODELS, load_spec
from mindcast.refusal import Refusal
from mindcast.runtime import memory
from mindcast.settings import load_settings

GIB = 1 << 30
LARGE = (452, 340)


def settings_of(name, *changes):
    return load_settings(f"configs/demo/{name}.yaml", ("sampling.batch_size=auto", *changes))


def of(name, free, domain=None, *changes):
    settings = settings_of(name, *changes)
    domain = domain or settings.model.frame_size
    return fitted_to(load_spec(settings.model.name), settings, domain, "CPU", free)


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_grow_with_the_memory_by_as_much_as_a_row_takes(name):
    settings = settings_of(name)
    row = load_spec(name).row_bytes(settings.model, settings.model.frame_size, "CPU")
    # the default share is a half; the last byte is lost in whole numbers
    for rows in (1, 2, 3, 7):
        assert of(name, 2 * rows * row + 2).rows == rows
        assert of(name, 2 * rows * row - 2).rows == max(1, rows - 1)
    assert of(name, 2 * row + 2, None, "sampling.memory_share=0.25").rows == 1
    assert of(name, 12 * row + 2, None, "sampling.memory_share=0.25").rows == 3
    assert of(name, 1000 * row).rows == MOST


@pytest.mark.parametrize("name", MODELS)
def test_a_limit_too_small_for_one_member_is_one_member_and_said_in_one_line(name):
    frame = settings_of(name).model.frame_size
    fit = of(name, 1 << 20, frame, "sampling.memory_share=0.5")
    assert fit.rows == 1
    note = fit.notes[-1]
    assert note.startswith("one member needs about ")
    assert note.endswith("50% of what is free (sampling.memory_share): one at a time")
    assert not of(name, 100 * GIB, frame).notes


def test_what_the_settings_say_themselves_counts_whatever_is_free():
    for free in (None, 1 << 20, 100 * GIB):
        fit = of("diffcast", free, None, "sampling.batch_size=5")
        assert (fit.rows, fit.notes) == (5, ())


def test_where_the_free_memory_is_not_known_one_member_is_taken_and_said():
    fit = of("geodiff", None, LARGE)
    assert (fit.rows, fit.settings.model.tile) == (1, None)
    assert fit.notes == (capacity.UNKNOWN,)


def test_tiles_of_a_nowcast_are_its_frames_so_a_domain_changes_nothing():
    assert of("diffcast", GIB, (1024, 2048)).rows == of("diffcast", GIB).rows


# -- tiles of a downscaling -------------------------------------------------------------------


def test_a_domain_that_does_not_fit_is_cut_into_the_largest_tile_of_doubled_crops():
    # crops of 32 x 32; the attention of all pairs of cells grows with the area squared
    settings = settings_of("geodiff").model
    row_bytes = load_spec("geodiff").row_bytes
    tiles = []
    for free in (GIB // 2, GIB, 4 * GIB, 16 * GIB, 128 * GIB):
        fit = of("geodiff", free, LARGE)
        tile = fit.settings.model.tile
        (height, width), least = tile.size, tile.overlap
        assert (height, 4 * least) == (width, width)
        assert height in (32, 64, 128, 256)
        tiles.append(height)
        taken = row_bytes(fit.settings.model, LARGE, "CPU")
        twice = settings.model_copy(
            update={"tile": tile.model_copy(update={"size": (2 * height, 2 * width)})}
        )
        assert taken <= free / 2 < row_bytes(twice, LARGE, "CPU")
    assert tiles == sorted(tiles)
    assert tiles[0] < tiles[-1]


def test_the_tile_is_said_in_one_line_that_can_be_given_by_hand():
    fit = of("geodiff", 4 * GIB, LARGE)
    (note,) = fit.notes
    assert note.startswith("452 x 340 points do not fit into 2.0 GiB, 50% of what is free")
    change = note.partition("--set '")[2].rstrip("'")
    by_hand = of("geodiff", 4 * GIB, LARGE, change)
    assert by_hand.settings.model == fit.settings.model
    assert (by_hand.rows, by_hand.notes) == (fit.rows, ())


def test_a_tile_set_by_hand_stays_as_it_is():
    tile = "model.tile={size: [96, 64], overlap: 8}"
    for free in (None, 1 << 20, 1 << 50):
        assert of("geodiff", free, LARGE, tile).settings.model.tile.size == (96, 64)


def test_a_domain_that_fits_is_not_cut():
    assert of("geodiff", 1 << 50, LARGE).settings.model.tile is None
    assert of("geodiff", 8 * GIB, (60, 60)).settings.model.tile is None


def test_the_smallest_tile_is_the_training_crop_and_what_it_lacks_is_said():
    fit = of("geodiff", 1 << 20, LARGE)
    assert fit.settings.model.tile.size == (32, 32)
    assert [note.partition(" ")[0] for note in fit.notes] == ["452", "one"]


# -- processes --------------------------------------------------------------------------------


class OfTwo:
    """The second of two processes, the leader of which has 6 GiB left."""

    rank, size, is_leader = 1, 2, False

    def sum(self, array):
        np.testing.assert_array_equal(array, [0])
        return array + np.float32(6 * GIB)


def test_processes_go_by_the_leader_s_memory_and_share_it_unless_each_has_a_card(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda device: 999 * GIB)
    settings, spec = settings_of("prediff"), load_spec("prediff")
    frame = settings.model.frame_size
    for device, each in (("CPU", 3 * GIB), ("GPU", 6 * GIB)):
        fit = fitted(spec, settings, frame, device, OfTwo())
        assert fit == fitted_to(spec, settings, frame, device, each)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(Refusal, match=r"sampling\.memory_share"):
        settings_of("prediff", "sampling.memory_share=0")


@pytest.mark.parametrize("rows", ["0", "many", "2.5", "70000", "null"])
def test_rows_that_are_neither_a_number_nor_auto_are_refused_in_one_line(rows):
    with pytest.raises(Refusal, match=r"expected a whole number from 1 to 65536, or auto$") as told:
        settings_of("prediff", f"sampling.batch_size={rows}")
    assert "sampling.batch_size: got " in str(told.value)
