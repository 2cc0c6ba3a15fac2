"""The names that a pickle of PyTorch may hold, and what each stands for; any other is refused.

Differs from `torch.load(weights_only=True)`: nothing is looked up in a package, so that neither
PyTorch nor what it would call needs to be there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mindcast.weights import number_types as types
from mindcast.weights.faults import Forbidden, shown
from mindcast.weights.number_types import NumberType
from mindcast.weights.pickle_program import Foreign, Named
from mindcast.weights.tensors import LARGEST, MOST_AXES, Storage, View

LONGEST = 200  # characters of a name

STORAGES = {
    "DoubleStorage": types.FLOAT64,
    "FloatStorage": types.FLOAT32,
    "HalfStorage": types.FLOAT16,
    "BFloat16Storage": types.BFLOAT16,
    "LongStorage": types.INT64,
    "IntStorage": types.INT32,
    "ShortStorage": types.INT16,
    "CharStorage": types.INT8,
    "ByteStorage": types.UINT8,
    "BoolStorage": types.BOOL,
    "UntypedStorage": None,
}
NUMBER_TYPES = {f"torch.{kind.name}": kind for kind in types.ALL}
# what training programs keep beside weights: settings, paths, scores; kept as its name alone
FOREIGN = {
    "argparse.Namespace",
    "collections.defaultdict",
    "_codecs.encode",  # bytes
    *(f"{core}.multiarray.scalar" for core in ("numpy.core", "numpy._core")),
    *(f"{core}.multiarray._reconstruct" for core in ("numpy.core", "numpy._core")),
    *("numpy.dtype", "numpy.ndarray"),
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "typing.Any",
    # as types; the last two are those of Python 2, whose names pickles keep
    *(f"builtins.{name}" for name in ("bool", "bytes", "dict", "float", "int", "list", "set")),
    *(f"builtins.{name}" for name in ("str", "tuple", "long", "unicode")),
}
FOREIGN_PACKAGES = ("omegaconf.", "pytorch_lightning.", "lightning.", "lightning_fabric.")
Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class StorageType:
    """The type of a storage, as a reference to one names it."""

    name: str
    kind: NumberType | None


def find(module: str, name: str) -> Any:
    """What a name in a pickle stands for. Forbidden, with the name, for all but a few."""
    if len(module) + len(name) > LONGEST:
        raise Forbidden(shown(module))
    full = f"{module}.{name}".replace("__builtin__.", "builtins.", 1)
    if name in STORAGES and module in ("torch", "torch.cuda", "torch.storage"):
        return StorageType(full, STORAGES[name])
    if full in NUMBER_TYPES:
        return full
    if full in _CALLS:
        return Named(full, _CALLS[full])
    if full in FOREIGN or full.startswith(FOREIGN_PACKAGES):
        return Foreign(full)
    raise Forbidden(shown(full))


def _tensor(arguments: Arguments) -> View:
    """torch._utils._rebuild_tensor_v2: storage, offset, sizes, strides, of gradients, metadata."""
    match arguments:
        case (Storage(kind=NumberType() as kind) as storage, offset, shape, strides, *rest):
            _check_metadata(rest[2:])
            return _view(storage, kind, offset, shape, strides)
    raise _odd("torch._utils._rebuild_tensor_v2")


def _tensor_v3(arguments: Arguments) -> View:
    """The same for number types that have no storage of their own: the seventh is the type."""
    match arguments:
        case (Storage(kind=None) as storage, offset, shape, strides, _, _, str(kind), *rest):
            if kind in NUMBER_TYPES:
                _check_metadata(rest)
                return _view(storage, NUMBER_TYPES[kind], offset, shape, strides)
    raise _odd("torch._utils._rebuild_tensor_v3")


def _parameter(arguments: Arguments) -> View:
    """torch._utils._rebuild_parameter: a tensor, and of gradients."""
    match arguments:
        case (View() as view, *_):
            return view
    raise _odd("torch._utils._rebuild_parameter")


def _of_type(arguments: Arguments) -> View:
    """torch._tensor._rebuild_from_type_v2: a tensor on which somebody has set attributes."""
    match arguments:
        case (Named(make=make), Named(name=name), tuple(inner), dict() | tuple()):
            if make in (_tensor, _tensor_v3, _parameter) and name in _TENSOR_TYPES:
                return make(inner)
    raise _odd("torch._tensor._rebuild_from_type_v2")


def _ordered_dict(arguments: Arguments) -> dict[Any, Any]:
    """An empty one, which the instructions that follow fill."""
    if arguments:
        raise _odd("collections.OrderedDict")
    return {}


def _counter(arguments: Arguments) -> dict[Any, Any]:
    match arguments:
        case (dict(counts),):
            return counts
    raise _odd("collections.Counter")


def _size(arguments: Arguments) -> tuple[int, ...]:
    match arguments:
        case (tuple(sizes),) if _whole(sizes):
            return sizes
    raise _odd("torch.Size")


def _device(arguments: Arguments) -> str:
    match arguments:
        case (str(kind),):
            return kind
        case (str(kind), int(index)) if len(kind) <= LONGEST and _whole((index,)):
            return f"{kind}:{index}"
    raise _odd("torch.device")


def _no_call(arguments: Arguments) -> Any:
    raise _odd("torch.Tensor")


_TENSOR_TYPES = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")
_CALLS: dict[str, Callable[[Arguments], Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "collections.OrderedDict": _ordered_dict,
    "collections.Counter": _counter,
    "torch.Size": _size,
    "torch.device": _device,
    **dict.fromkeys(_TENSOR_TYPES, _no_call),
}


def _view(storage: Storage, kind: NumberType, offset: Any, shape: Any, strides: Any) -> View:
    if not (_whole((offset,)) and _whole(shape) and _whole(strides)):
        raise _odd("torch._utils._rebuild_tensor_v2")
    return View(storage, kind, offset, shape, strides)


def _check_metadata(rest: list[Any]) -> None:
    """Forbidden for marks that change what the numbers mean, such as "neg"."""
    if any(rest):
        raise Forbidden("a tensor with marks that change its numbers")


def _whole(numbers: Any) -> bool:
    """Whether it is a tuple of sizes, strides or the like, of which there are few."""
    return (
        isinstance(numbers, tuple)
        and len(numbers) <= MOST_AXES
        and all(type(n) is int and 0 <= n < LARGEST for n in numbers)
    )


def _odd(name: str) -> Forbidden:
    return Forbidden(f"{name} with arguments that are not its own")
