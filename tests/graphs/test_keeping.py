import os
import shutil
import subprocess

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindcast import compiled as door
from mindcast.graphs import keeping, store
from mindcast.graphs.keeping import SWITCH, Kept

X = np.linspace(-1, 1, 6).reshape(2, 3).astype(np.float32)


class Network(nn.Cell):
    """Weights, a table, a number and a random draw at its making."""

    def __init__(self, seed, factor=2.0, layers=1):
        super().__init__()
        rng = np.random.default_rng(seed)
        draw = [rng.standard_normal((3, 3)).astype(np.float32) for _ in range(layers)]
        self.weights = ms.ParameterTuple([Parameter(w, name=f"w{n}") for n, w in enumerate(draw)])
        self.factor, self.table = factor, Tensor(np.full(3, factor, np.float32))

    def construct(self, x):
        for weight in self.weights:
            x = ops.tanh(ops.matmul(x, weight)) * self.table
        return x + self.factor


def wanted(network, x=X):
    """What the network makes of x, in NumPy."""
    for weight in network.weights:
        x = np.tanh(x @ weight.asnumpy()) * network.factor
    return x + network.factor


@pytest.fixture
def count(monkeypatch):
    """(graphs, how many of them were kept ones), counted within the test."""
    spent = door.Spent()
    monkeypatch.setattr(door, "COMPILING", spent)
    return lambda: (spent.graphs, spent.kept)


def forward(network, x=X):
    made = door.compiled(network, graph=True)(x).asnumpy()
    assert np.allclose(made, wanted(network, x), atol=1e-3)  # MindSpore's tanh is no better
    return made


def entries(keeper):
    return sorted(keeper.store.folder.glob("*.graph"))


def test_a_kept_graph_makes_the_same_numbers_with_the_weights_at_hand(keeper, count, monkeypatch):
    first = forward(Network(seed=0))
    assert np.array_equal(forward(Network(seed=0)), first)
    assert not np.array_equal(forward(Network(seed=1)), first)
    assert count() == (3, 2)
    monkeypatch.setattr(Kept, "keeper", None)
    assert np.array_equal(forward(Network(seed=0)), first)
    assert count() == (4, 2)


def trained(seed):
    """Losses of four steps, and the weights after them."""
    network = Network(seed)
    optimiser = nn.Adam(network.trainable_params(), 1e-2)

    def loss(x):
        return (network(x) ** 2).sum()

    gradient = ms.value_and_grad(loss, None, optimiser.parameters)

    def step(x):
        value, gradients = gradient(x)
        optimiser(gradients)
        return value

    step = door.compiled(step, graph=True)
    losses = [step(X).asnumpy().item() for _ in range(4)]
    return losses, [weight.asnumpy() for weight in network.weights]


def test_steps_of_a_kept_graph_move_the_weights_as_those_of_a_new_one(keeper, count):
    new, kept = trained(seed=0), trained(seed=0)
    assert count() == (2, 1)
    assert kept[0] == new[0]
    assert len(set(new[0])) == 4  # they do move
    assert all(map(np.array_equal, kept[1], new[1]))


def test_graphs_are_found_in_any_order_and_among_others(keeper, count):
    networks = {layers: Network(seed=0, layers=layers) for layers in (1, 2, 3)}
    for network in networks.values():
        forward(network)
    assert count() == (3, 0)
    for layers in (3, 1):
        forward(Network(seed=5, layers=layers))
    forward(Network(seed=5, layers=4))
    forward(Network(seed=5, layers=2))
    assert count() == (7, 3)


def test_another_constant_or_shape_is_another_graph(keeper, count):
    forward(Network(seed=0))
    forward(Network(seed=0, factor=3.0))
    forward(Network(seed=0), X[:1])
    assert count() == (3, 0)
    assert len(entries(keeper)) == 3


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("sources", lambda keeper, patch: patch.setattr(keeper, "sources", "others")),
        ("MindSpore", lambda keeper, patch: patch.setattr(ms, "__version__", "2.8.1")),
        ("switch", lambda keeper, patch: patch.setenv("MS_DEV_OF_TESTS", "1")),
        ("seed", lambda keeper, patch: patch.setattr(ms, "get_seed", lambda: 17)),
    ],
)
def test_under_another_version_or_switch_nothing_is_found(keeper, monkeypatch, what, change):
    before = keeper.key("contents")
    assert keeper.key("contents") == before
    change(keeper, monkeypatch)
    assert keeper.key("contents") != before


def test_sources_that_changed_since_the_start_keep_no_graph(keeper, monkeypatch):
    monkeypatch.setattr(keeping, "sources", lambda: "edited meanwhile")
    forward(Network(seed=0))
    assert entries(keeper) == []


@pytest.mark.parametrize("damage", [b"", b"\0" * 4000, b"half"])
def test_a_damaged_entry_is_compiled_and_kept_anew(keeper, count, damage):
    forward(Network(seed=0))
    (entry,) = entries(keeper)
    whole = entry.read_bytes()
    entry.write_bytes(damage or whole[: len(whole) // 2])
    forward(Network(seed=1))
    assert count() == (2, 0)
    forward(Network(seed=2))
    assert count() == (3, 1)


def test_a_graph_that_mindspore_cannot_read_is_compiled_anew(keeper, count, tmp_path):
    forward(Network(seed=0))
    (entry,) = entries(keeper)
    (tmp_path / "garbage").write_bytes(b"no graph at all" * 100)
    keeper.store.keep(entry.stem, tmp_path / "garbage")  # whole, as far as its digest says
    forward(Network(seed=1))


def test_what_fails_is_neither_kept_nor_hidden(keeper, count, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MindSpore writes down what it did not understand

    def wrong(x):
        return ops.matmul(x, x)  # (2, 3) by (2, 3)

    with pytest.raises(RuntimeError, match="MatMul"):
        door.compiled(wrong, graph=True)(X)
    assert (entries(keeper), count()) == ([], (0, 0))
    forward(Network(seed=0))
    forward(Network(seed=1))
    assert count() == (2, 1)


def test_a_folder_that_fills_up_or_vanishes_leaves_the_work_as_it_is(keeper, monkeypatch, count):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    forward(Network(seed=0))
    monkeypatch.undo()
    forward(Network(seed=0))
    assert entries(keeper) == []
    assert not keeper.work.exists()


KERNEL = """
#include <cstdint>
extern "C" int scale(int n, void **p, int *ndims, int64_t **shapes, const char **types, void *s,
                     void *extra) {
  const float *x = (const float *)p[0]; float *y = (float *)p[n - 1];
  int64_t size = 1;
  for (int i = 0; i < ndims[0]; ++i) size *= shapes[0][i];
  for (int64_t i = 0; i < size; ++i) y[i] = FACTOR * x[i];
  return 0;
}
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Two libraries with a function of one name: times 2, times 3."""
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "scale.cpp").write_text(KERNEL)
    paths = [folder / f"times{factor}.so" for factor in (2, 3)]
    for factor, path in zip((2, 3), paths, strict=True):
        options = ["-shared", "-fPIC", f"-DFACTOR={factor}", "-o", str(path)]
        subprocess.run(["g++", *options, str(folder / "scale.cpp")], check=True)
    return paths


class Scale(nn.Cell):
    """An operator of one's own, with a gradient of one's own: three times the true one."""

    def __init__(self, library):
        super().__init__()
        self.scale = ops.Custom(f"{library}:scale", lambda x: x, lambda x: x, func_type="aot")

    def construct(self, x):
        return self.scale(x)

    def bprop(self, x, out, dout):
        return (3.0 * self.scale(dout),)


def test_operators_and_gradients_of_one_s_own_are_kept_with_their_library(keeper, count, libraries):
    def value_and_gradient(library):
        scale = Scale(library)

        def total(x):
            return scale(x).sum()

        value, gradient = door.compiled(ms.value_and_grad(total), graph=True)(X + 1)
        return value.asnumpy().item(), gradient.asnumpy()

    double, triple = libraries
    for library, factor in ((double, 2), (double, 2), (triple, 3), (triple, 3), (double, 2)):
        value, gradient = value_and_gradient(library)
        assert value == pytest.approx(6 * factor)  # X sums to nothing, X + 1 to 6
        assert np.allclose(gradient, 3 * factor)
    assert count() == (5, 3)


def test_outside_a_compilation_mindspore_s_own_cache_is_off(keeper):
    forward(Network(seed=0))
    assert os.environ[SWITCH] == "0"
    ms.jit(lambda_free)(Tensor(X))
    assert not keeper.work.exists()


def lambda_free(x):
    return x + 1


def test_the_folder_may_change_within_a_process(keeper, count, tmp_path):
    for folder in (tmp_path / "one", tmp_path / "other"):
        assert keeping.begin(str(folder), 64) == ""
        forward(Network(seed=0))
        forward(Network(seed=1))
        assert len(list(folder.glob("*.graph"))) == 1
    assert count() == (4, 2)
    keeping.begin("", 64)
    forward(Network(seed=0))
    assert count() == (5, 2)


def test_a_chosen_folder_that_cannot_serve_is_told_of_and_the_user_s_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Kept, "keeper", None)
    monkeypatch.delenv(SWITCH, raising=False)
    file = tmp_path / "file"
    file.write_text("text")
    note = keeping.begin(str(file), 1)
    assert note == (f"runtime.compile_cache {file}: File exists; graphs are compiled and not kept")
    monkeypatch.setattr(store.Path, "home", lambda: file)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert keeping.begin("auto", 1) == ""
    assert Kept.keeper is None


def test_mindspore_s_own_switch_is_not_followed_and_said_so(monkeypatch):
    monkeypatch.setattr(Kept, "keeper", None)
    monkeypatch.setenv(SWITCH, "1")
    assert "is not followed" in keeping.begin("", 1)
    assert os.environ[SWITCH] == "0"
