import pytest

from tests.bench.growth import AXES, FACTORS, MODELS, Size


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", MODELS)
def test_every_size_is_a_possible_network_that_takes_more_operations(name, axis):
    case_of, base = MODELS[name]
    flops = [case_of(base.times(axis, factor)).count.flops for factor in FACTORS]
    assert flops == sorted(set(flops))


def test_an_image_counts_by_its_cells_and_all_else_as_it_is():
    size = Size(image=8, frames=6, batch=2, width=16)
    assert [size.extent(axis) for axis in AXES] == [64.0, 6.0, 2.0, 16.0]
