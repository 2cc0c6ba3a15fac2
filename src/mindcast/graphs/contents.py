"""What a compiled graph is made of: a digest of all that its function reaches.

A graph holds as constants whatever its cells and functions hold beside weights: numbers, tensors,
sizes, modes, names of operators and libraries. Two functions of one digest give one graph; what
cannot be described has none, and is compiled anew.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import inspect
import sys
import types
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), PurePath)
SEQUENCES, MAPPINGS = (tuple, list, deque), (dict, types.MappingProxyType)
# what changes from process to process, or by use, and never a graph
PASSING = frozenset(
    {
        *("_create_time", "_id", "_phase", "_compile_phase", "_phase_cache", "_compile_cache"),
        *("arguments_key", "_exist_objs", "_exist_names", "_lazy_construct_sig", "_compiled"),
        *("_is_check_and_refresh", "_init_flag", "_param_prefix", "_cell_init_args"),
        *("_lazy_user_parameters", "_dynamic_shape_inputs", "_has_mutable_args_list"),
        *("_mutable_flags", "__parse_method__", "current_phase", "compile_phase"),
    }
)
UNSET = frozenset(vars(nn.Cell()))  # what every cell has, and most leave as it is
# what objects of others raise when they are looked at, as a tensor of no type that NumPy has
FOREIGN = (AttributeError, TypeError, ValueError, RuntimeError)
OURS = "mindcast"
# those whose versions the key holds
LIBRARIES = frozenset({"mindspore", "numpy", "pydantic", "pydantic_core", *sys.stdlib_module_names})


class Unknown(Exception):
    """The function reaches something whose meaning for a graph is not known."""


@dataclass
class Contents:
    """A digest, and the weights that the graph takes from its process, by name."""

    digest: str
    weights: dict[str, Parameter]


def describe(function: Any, inputs: Iterable[Tensor]) -> Contents:
    """Of a cell or function, and the inputs that it is compiled for.

    Raises Unknown where a graph of it might hold what the digest does not, or where two weights
    bear one name, by which MindSpore finds them.
    """
    description = _Description()
    try:
        for tensor in inputs:
            if isinstance(tensor, Parameter) or getattr(tensor, "const_arg", False):
                raise Unknown("an input that becomes a part of the graph")
            description.put("input", tensor.shape, tensor.dtype)
        description.add(function)
    except FOREIGN as error:
        raise Unknown(str(error)) from error
    return Contents(description.digest.hexdigest(), description.weights)


@dataclass
class _Description:
    """Everything reached once, in a fixed order; what comes again by its number."""

    digest: Any = field(default_factory=hashlib.sha256)
    weights: dict[str, Parameter] = field(default_factory=dict)
    seen: dict[int, tuple[int, Any]] = field(default_factory=dict)  # kept alive: ids stay unique
    classes: set[type] = field(default_factory=set)

    def put(self, *words: object) -> None:
        """Words, each told from the next."""
        for word in words:
            text = word if isinstance(word, bytes) else repr(word).encode()
            self.digest.update(b"%d:" % len(text))
            self.digest.update(text)

    def add(self, thing: Any) -> None:
        """Any object, with all that it holds."""
        if isinstance(thing, PLAIN):
            self.put(type(thing).__name__, thing)
            return
        if id(thing) in self.seen:
            self.put("again", self.seen[id(thing)][0])
            return
        self.seen[id(thing)] = (len(self.seen), thing)
        self._add_new(thing)

    def _add_new(self, thing: Any) -> None:
        if isinstance(thing, Parameter):
            self._weight(thing)
        elif isinstance(thing, Tensor):
            self._array("tensor", thing.dtype, thing.asnumpy())
        elif isinstance(thing, (np.ndarray, np.generic)):
            self._array(type(thing).__name__, thing.dtype, np.asarray(thing))
        elif isinstance(thing, SEQUENCES):
            self._items(type(thing).__qualname__, list(thing))
        elif isinstance(thing, MAPPINGS):
            self._items(type(thing).__qualname__, [x for item in thing.items() for x in item])
        elif isinstance(thing, (set, frozenset)):
            self._items("set", sorted(thing, key=repr))
        elif isinstance(thing, enum.Enum) or hasattr(type(thing), "__members__"):  # pybind's too
            self.put("enum", _name(type(thing)), thing.name)
        elif isinstance(thing, types.ModuleType):
            self._module(thing)
        elif isinstance(thing, (type, types.BuiltinFunctionType, np.ufunc)) or _is_dtype(thing):
            self.put("named", _name(thing), str(thing) if _is_dtype(thing) else "")
        else:
            self._add_callable(thing)

    def _add_callable(self, thing: Any) -> None:
        if isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, types.MethodType):
            self.add(thing.__func__)
            self.add(thing.__self__)
        elif isinstance(thing, (staticmethod, classmethod)) or hasattr(thing, "cache_info"):
            self.add(thing.__wrapped__)
        elif isinstance(thing, property):
            self.add(thing.fget)
        elif isinstance(thing, functools.partial):
            self._items("partial", [thing.func, thing.args, thing.keywords])
        else:
            self._object(thing)

    def _weight(self, weight: Parameter) -> None:
        if self.weights.setdefault(weight.name, weight) is not weight:
            raise Unknown(f"two weights are called {weight.name}")
        self.put("weight", weight.name, weight.shape, weight.dtype, weight.requires_grad)

    def _array(self, kind: str, dtype: object, array: np.ndarray) -> None:
        if array.dtype.hasobject:
            raise Unknown("an array of objects")
        self.put(kind, str(dtype), array.dtype.str, array.shape, array.tobytes())

    def _items(self, kind: str, items: list[Any]) -> None:
        self.put(kind, len(items))
        for item in items:
            self.add(item)

    def _module(self, module: types.ModuleType) -> None:
        """A module of a library is what its version makes it; ours may hold what changes."""
        if module.__name__.partition(".")[0] == OURS:
            raise Unknown(f"module {module.__name__}")
        self.put("module", module.__name__)

    def _function(self, function: types.FunctionType) -> None:
        """Its name in a package whose sources or version the key holds, or else its text; what it
        holds and, unless it is a library's, what it refers to."""
        self.put("function", _name(function))
        self._items("closure", [_held(cell) for cell in function.__closure__ or ()])
        self._items("defaults", [function.__defaults__, function.__kwdefaults__])
        if _is_library(function):
            return
        if _root(function) != OURS:
            self.put(_text(function))
        found = function.__globals__
        for name in sorted(_names(function.__code__)):
            if name in found:
                self.put(name)
                self.add(found[name])

    def _object(self, thing: Any) -> None:
        """A cell, an operator or any other object: its class, its methods, its attributes."""
        if not hasattr(thing, "__dict__"):
            raise Unknown(f"an object of {_name(type(thing))}")
        self.put("object", _name(type(thing)))
        self._methods(type(thing))
        held = dict(vars(thing))
        if isinstance(thing, ops.Primitive):
            held["attrs"] = dict(thing.attrs)
        if isinstance(thing, nn.Cell):
            held = {n: v for n, v in held.items() if n not in PASSING and (n not in UNSET or v)}
        self.put(len(held))
        for name, value in held.items():
            self.put(name)
            self.add(value)

    def _methods(self, kind: type) -> None:
        """What a class and those that it inherits from define, once; not how it is made."""
        for above in kind.__mro__:
            if above in self.classes or _is_library(above):
                continue
            self.classes.add(above)
            for name, method in vars(above).items():
                if name == "__call__" or not name.startswith("__"):
                    self.put(name)
                    self.add(method)


def _name(thing: Any) -> str:
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{getattr(named, '__module__', '')}.{named.__qualname__}"


def _root(thing: Any) -> str:
    """The package that a function or class is of."""
    return str(thing.__module__).partition(".")[0]


def _is_library(thing: Any) -> bool:
    return _root(thing) in LIBRARIES


def _is_dtype(thing: Any) -> bool:
    return isinstance(thing, (ms.Type, np.dtype))


def _held(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise Unknown("a name that is not bound yet") from None


def _names(code: types.CodeType) -> set[str]:
    """The globals and attributes that code and the functions within it name."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _text(function: types.FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise Unknown(f"{_name(function)}, whose text is not at hand") from None
