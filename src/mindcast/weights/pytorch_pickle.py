"""What the pickle of a PyTorch file holds, as a tree of arrays, numbers and texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from mindcast.weights.faults import Damaged, Forbidden, Unfit, shown
from mindcast.weights.pickle_program import Foreign, Named, run_pickle
from mindcast.weights.pytorch_names import StorageType, find
from mindcast.weights.tensors import LARGEST, Storage, View

DEEPEST = 64  # dicts in lists in dicts ...
MOST_VALUES = 2_000_000  # counted where they appear: what is shared may appear often
MOST_REPEATED = 1 << 28  # bytes that the tensors of a file may hold beyond their storages


class Storages:
    """The storages that a pickle refers to, by their keys, each once."""

    def __init__(self) -> None:
        self.by_key: dict[str, Storage] = {}

    def __call__(self, reference: Any) -> Storage:
        """The storage of ("storage", type, key, device, count), in old files with None behind."""
        if isinstance(reference, tuple) and len(reference) == 6 and reference[5] is None:
            reference = reference[:5]
        match reference:
            case ("storage", StorageType(kind=kind), str(key), str(), int(count)):
                storage = self.by_key.setdefault(key, Storage(kind, count))
                if not 0 <= count < LARGEST or (storage.kind, storage.count) != (kind, count):
                    raise Damaged(f"storage {shown(key)} has two sizes or types")
                return storage
        raise Forbidden("a reference to something that is no storage")


def load(program: bytes | IO[bytes], storages: Callable[[Any], Any]) -> Any:
    """The value of a pickle, its tensors as `View`. Forbidden and Damaged as of `run_pickle`."""
    return run_pickle(program, find, storages)


def settled(value: Any) -> Any:
    """A loaded value as dicts, lists, tuples, arrays, numbers and texts, none of them twice.

    Unfit where it is so deep, so large or repeats so much that memory might not do.
    """
    return _Settling().settle(value, DEEPEST)


class _Settling:
    """Counts what it has met on its way through a value."""

    def __init__(self) -> None:
        self.values, self.repeated = 0, 0

    def settle(self, value: Any, depth: int) -> Any:
        self.values += 1
        if depth == 0 or self.values > MOST_VALUES:
            limits = f"{DEEPEST} deep or has over {MOST_VALUES} values"
            raise Unfit(f"is nested over {limits}; save the state dict alone")
        if type(value) is dict:
            return {key: self.settle(item, depth - 1) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.settle(item, depth - 1) for item in value)
        if isinstance(value, View):
            self.repeated += max(0, value.size - value.storage.size)
            if self.repeated > MOST_REPEATED:
                most = f"{MOST_REPEATED >> 20} MiB"
                raise Unfit(f"its tensors repeat over {most} of numbers; save clones of them")
            return value.array()
        if isinstance(value, Storage):
            raise Forbidden("a storage outside of a tensor")
        return Foreign(value.name) if isinstance(value, (Named, StorageType)) else value
