import functools
import threading
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindcast.graphs import contents
from mindcast.graphs.contents import Unknown, describe

X = Tensor(np.ones((2, 3), np.float32))
FACTOR = 2.0


class Part(nn.Cell):
    def __init__(self, factor=2.0, table=(1.0, 2.0, 3.0), weight=0.0, name="w"):
        super().__init__()
        self.factor = factor
        self.table = Tensor(np.array(table, np.float32))
        self.weight = Parameter(np.full(3, weight, np.float32), name=name)
        self.inner = nn.Dense(3, 3)

    def construct(self, x):
        return self.inner(x) * self.factor + self.table * self.weight * FACTOR


def digest(thing, *inputs):
    return describe(thing, inputs or (X,)).digest


def test_parts_made_alike_are_one_whatever_their_weights():
    assert digest(Part()) == digest(Part(weight=7.0))


def changed(change):
    part = Part()
    change(part)
    return part


CHANGES = {
    "a number": lambda part: setattr(part, "factor", 2.0000001),
    "the type of a number": lambda part: setattr(part, "factor", 2),
    "a tensor": lambda part: setattr(part, "table", Tensor(np.array([1, 2, 4], np.float32))),
    "the type of a tensor": lambda part: setattr(part, "table", part.table.astype(ms.float16)),
    "the mode": lambda part: part.set_train(),
    "what is trained": lambda part: setattr(part.weight, "requires_grad", False),
    "a weight's size": lambda part: setattr(part, "weight", Parameter(X, name="w")),
    "another part": lambda part: setattr(part, "inner", nn.Dense(3, 3, has_bias=False)),
    "an operator's attribute": lambda part: setattr(part.inner, "matmul", ops.MatMul()),
    "recomputation": lambda part: part.inner.recompute(),
    "a precision": lambda part: part.to_float(ms.float16),
    "one more attribute": lambda part: setattr(part, "other", None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_graph_holds_makes_another(change):
    assert digest(changed(change)) != digest(Part())


def test_inputs_count_by_shape_and_type_alone():
    part = Part()
    assert digest(part, X) == digest(part, X + 1)
    assert digest(part, X) != digest(part, X[:1])
    assert digest(part, X) != digest(part, X.astype(ms.float16))


def test_a_global_that_a_method_refers_to_counts(monkeypatch):
    before = digest(Part())
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert digest(Part()) != before


def of_closure(value):
    def function(x):
        return x * value

    return function


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of_closure(1.0), of_closure(2.0)),
        (functools.partial(of_closure, 1.0), functools.partial(of_closure, 2.0)),
        (Part().construct, Part(3.0).construct),
        (np.float32(1), np.float64(1)),
        ((1, 2), [1, 2]),
        ({"a": 1}, {"a": 2}),
        (("ab", "c"), ("a", "bc")),
        (ms.float32, ms.float16),
        (Path("a/b"), Path("a/c")),
    ],
)
def test_what_differs_is_told_apart(one, other):
    assert digest(one) != digest(other)


def test_two_functions_of_one_name_differ_by_their_text():
    def double(x):
        return x + x

    first = double

    def double(x):
        return 2 * x

    assert digest(first) != digest(double)


def test_the_library_of_an_operator_of_one_s_own_counts():
    def operator(path):
        return ops.Custom(f"{path}:f", lambda x: x, lambda x: x, func_type="aot")

    assert digest(operator("/a/lib.so")) == digest(operator("/a/lib.so"))
    assert digest(operator("/a/lib.so")) != digest(operator("/b/lib.so"))


def test_weights_are_found_in_functions_and_optimisers_too():
    part = Part()
    optimiser = nn.Adam(part.trainable_params(), 1e-3)
    gradient = ms.value_and_grad(part, None, optimiser.parameters)

    def step(x):
        value, gradients = gradient(x)
        optimiser(gradients)
        return value

    found = describe(step, [X]).weights
    assert set(found) >= {p.name for p in [*part.get_parameters(), *optimiser.get_parameters()]}
    assert all(found[p.name] is p for p in part.get_parameters())


def test_shared_weights_and_separate_ones_are_told_apart():
    one, other = (ms.ParameterTuple([Parameter(X, name=name)]) for name in "ab")
    assert digest((one, one)) != digest((one, other))


def test_circles_end():
    one, other = {}, {}
    one["other"], other["one"] = other, one
    assert digest(one) == digest(one)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (lambda: threading.Lock(), "lock"),
        (lambda: contents, "module mindcast.graphs.contents"),
        (lambda: (Part(), Part()), "two weights are called"),
        (lambda: np.array([object()]), "array of objects"),
        (lambda: eval("lambda x: x"), "text is not at hand"),
    ],
)
def test_what_cannot_be_described_has_no_digest(thing, reason):
    with pytest.raises(Unknown, match=reason):
        describe(thing(), [X])


def test_weights_as_inputs_have_no_digest():
    with pytest.raises(Unknown, match="becomes a part of the graph"):
        describe(Part(), [Parameter(X, name="x")])
