import pytest
from pydantic import ValidationError

from mindcast.data import with_own_pixels
from mindcast.data.radar.archive.settings import SevirLRSettings
from mindcast.data.radar.sequences.settings import ShanghaiSettings
from mindcast.refusal import Refusal
from tests.data.radar.archive.archives import row, settings, write_catalogue

PERIOD = ("2020-01-01", "2020-01-02")


def archive(root, height_m="12000.0", width_m="12000.0"):
    rows = [{**row(f"E{i}"), "height_m": height_m, "width_m": width_m} for i in range(2)]
    write_catalogue(root, rows)
    return root


def test_a_default_gives_way_to_the_size_of_the_catalogue(tmp_path):
    # frames of 6 x 6 over 12 km; the default is 3 km
    assert with_own_pixels(settings(archive(tmp_path))).pixel_km == 2


def test_a_size_that_was_given_must_be_that_of_the_catalogue(tmp_path):
    given = settings(archive(tmp_path), pixel_km=2)
    assert with_own_pixels(given) is given
    with pytest.raises(Refusal, match=r"data.pixel_km = 3: the data set says 2 km .*leave"):
        with_own_pixels(settings(tmp_path, pixel_km=3))


@pytest.mark.parametrize("sides", [("", ""), ("12000", "6000"), ("0", "0")])
def test_a_catalogue_that_states_no_one_size_changes_nothing(tmp_path, sides):
    given = settings(archive(tmp_path, *sides))
    assert with_own_pixels(given) is given


def sequences(of_composites, **changes):
    composites = {"inputs": ["a"], "train": [PERIOD], **of_composites}
    return ShanghaiSettings(name="shanghai", root_dir="a.h5", composites=composites, **changes)


@pytest.mark.parametrize(
    ("of_composites", "changes", "size"),
    [
        ({"pixel_km": 1}, {}, 1),
        ({}, {"pixel_km": 1}, 1),
        ({}, {}, 2),
        ({"pixel_km": 1.0},) * 2 + (1,),
    ],
)
def test_a_set_of_composites_has_pixels_of_one_size(of_composites, changes, size):
    made = sequences(of_composites, **changes)
    assert made.pixel_km == made.composites.pixel_km == size
    again = ShanghaiSettings.model_validate(made.model_dump(mode="json"))
    assert again == made


def test_two_sizes_that_differ_are_refused():
    with pytest.raises(ValidationError, match=r"pixel_km = 1, but composites.pixel_km = 2"):
        sequences({"pixel_km": 2}, pixel_km=1)


def test_a_default_that_former_versions_wrote_beside_it_gives_way():
    # a run folder of theirs: 3 km of the layout, 2 km of the set
    old = SevirLRSettings(
        name="sevir_lr", root_dir="a", pixel_km=3.0, composites={"inputs": ["a"], "pixel_km": 2.0}
    )
    assert old.pixel_km == 2
