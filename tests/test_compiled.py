import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

import mindcast.compiled
from mindcast.compiled import Spent, arguments, compiled


class Weighted(nn.Cell):
    def construct(self, first, second, factor=None):
        total = first - second
        return total if factor is None else total * factor


def arrays(*names):
    return {name: np.full(3, number, np.float32) for number, name in enumerate(names, 1)}


def test_arguments_follow_the_names_of_the_parameters_not_the_order_of_the_arrays():
    taken = arguments(Weighted(), arrays("second", "unused", "first"))
    assert [float(tensor[0]) for tensor in taken] == [3, 1]


def test_a_parameter_with_a_default_is_taken_where_it_is_there():
    assert len(arguments(Weighted(), arrays("first", "second", "factor"))) == 3
    assert len(arguments(Weighted(), arrays("first", "second"))) == 2


def test_an_array_that_is_needed_and_absent_is_named():
    with pytest.raises(KeyError, match="second"):
        arguments(Weighted(), arrays("first"))


@pytest.mark.parametrize("graph", [False, True])
def test_a_compiled_function_takes_arrays_and_tensors(graph):
    function = compiled(Weighted(), graph)
    named = arrays("first", "second")
    tensors = arguments(Weighted(), named)
    for inputs in ([*named.values()], tensors):
        np.testing.assert_array_equal(function(*inputs).asnumpy(), -1)


@pytest.mark.parametrize("graph", [False, True])
def test_the_first_call_of_each_shape_counts_as_compilation(graph, monkeypatch):
    # every look at the clock is a second later: a counted call takes one
    monkeypatch.setattr("mindcast.compiled.time.monotonic", iter(range(99)).__next__)
    monkeypatch.setattr("mindcast.compiled.COMPILING", Spent())
    function = compiled(Weighted(), graph)
    for size, seconds in ((3, 1), (3, 1), (4, 2), (3, 2)):
        function(np.ones(size, np.float32), np.ones(size, np.float32))
        assert mindcast.compiled.COMPILING.seconds == (seconds if graph else 0)


class Optional(nn.Cell):
    """x + w, whose sum is left out where w is zero and not trained."""

    def __init__(self):
        super().__init__()
        self.w = Parameter(Tensor(np.zeros(3, np.float32)), requires_grad=False)
        self.left_out, self.sums, self.counts = False, 0, True

    def adds_nothing(self):
        return not (self.w.requires_grad or self.w.asnumpy().any())

    def construct(self, x):
        if self.left_out:
            return x * 1
        if self.counts:
            self.sums += 1
        return x + self.w


@pytest.mark.parametrize("graph", [False, True])
def test_what_adds_nothing_is_left_out_until_other_weights_are_loaded(graph):
    cell, x = Optional(), np.ones(3, np.float32)
    cell.counts = not graph  # a graph holds no such side effect
    function = compiled(cell, graph)
    for value, sums in ((0, 0), (2, 1), (0, 1)):
        cell.w.set_data(Tensor(np.full(3, value, np.float32)))
        np.testing.assert_array_equal(function(x).asnumpy(), 1 + value)
        assert graph or cell.sums == sums


def test_what_is_trained_is_never_left_out():
    cell, x = Optional(), np.ones(3, np.float32)
    cell.w.requires_grad = True
    compiled(cell, graph=False)(x)
    assert cell.sums == 1


def test_a_function_leaves_out_what_the_cell_that_it_calls_may_and_only_it():
    outer, x = nn.SequentialCell(Optional()), np.ones(3, np.float32)
    compiled(lambda x: outer(x), graph=False, cell=outer)(x)
    assert outer[0].sums == 0
    outer(Tensor(x))  # not through the door: nobody has asked
    assert outer[0].sums == 1
