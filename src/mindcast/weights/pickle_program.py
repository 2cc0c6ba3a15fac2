"""The instructions of a pickle, carried out by a machine that can only build plain values.

A pickle is a program for a stack machine. That of Python imports what the program names and calls
it. This one knows the instructions that build numbers, texts, tuples, lists and dicts; a name
becomes a `Named`, chosen by the caller from a table, and nothing else can be called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from mindcast.weights.faults import Damaged, Forbidden, Unfit, shown

MOST_INSTRUCTIONS = 3_000_000  # a training checkpoint of a thousand tensors has 100 000
MOST_ARGUMENTS = 16


@dataclass(frozen=True)
class Named:
    """What stands for a name in a pickle: the name, and what is made from given arguments."""

    name: str
    make: Callable[[tuple[Any, ...]], Any]


@dataclass(frozen=True)
class Foreign:
    """Stands for an object whose type is known to be no weight; of it only the name is kept."""

    name: str


# what may be a key of a dict: its hash takes no long way through a tuple; Lightning had classes
KEYS = (str, int, float, bool, bytes, type(None), Foreign)
Find = Callable[[str, str], Any]  # module, name -> what stands for it; Forbidden for most names
Persistent = Callable[[Any], Any]  # what a pickle says of a storage -> the storage


def run_pickle(program: bytes | IO[bytes], find: Find, persistent: Persistent) -> Any:
    """The value that a pickle builds; a file is left behind its last instruction.

    Raises Forbidden for any instruction, name or argument that plain values do not need, Damaged
    where the program is not whole or contradicts itself, Unfit where it is too long.
    """
    machine = _Machine(find, persistent)
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(program)):
            if number >= MOST_INSTRUCTIONS:
                most = f"{MOST_INSTRUCTIONS} instructions"
                raise Unfit(f"its pickle has more than {most}; save the state dict alone")
            if opcode.name not in _OPERATIONS:
                raise Forbidden(_instruction(opcode.name, argument))
            _OPERATIONS[opcode.name](machine, argument)
    except (Damaged, Forbidden, Unfit):
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError):
        raise Damaged("its pickle is cut short or was changed") from None
    (value,) = machine.stack if len(machine.stack) == 1 else (machine,)
    if value is machine or machine.marks:
        raise Damaged("its pickle leaves more than one value")
    return value


class _Machine:
    """The stack, the stacks below a mark, and what was put aside under a number."""

    def __init__(self, find: Find, persistent: Persistent) -> None:
        self.find, self.persistent = find, persistent
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def above_mark(self) -> list[Any]:
        """What was pushed since the last mark, taken away with it."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def drop(self, _: Any) -> None:
        self.take(1)

    def drop_above_mark(self, _: Any) -> None:
        self.above_mark()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def put(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def take(self, count: int) -> tuple[Any, ...]:
        """The uppermost values, the last pushed last."""
        if len(self.stack) < count:
            raise IndexError
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return items

    def add(self, items: list[Any]) -> None:
        """Append to the list on top."""
        target = self.stack[-1]
        if isinstance(target, Foreign):
            return
        if type(target) is not list:
            raise Forbidden(f"an instruction that appends to what is no list ({_type(target)})")
        target.extend(items)

    def set(self, items: list[Any]) -> None:
        """Set keys of the dict on top; keys and values take turns."""
        target = self.stack[-1]
        if isinstance(target, Foreign):
            return
        if type(target) is not dict:
            raise Forbidden(f"an instruction that fills what is no dict ({_type(target)})")
        target.update(_dict(items))

    def call(self, _: Any) -> None:
        """REDUCE and NEWOBJ: what a name makes from a tuple of arguments."""
        named, arguments = self.take(2)
        if not isinstance(named, (Named, Foreign)) or type(arguments) is not tuple:
            raise Forbidden(f"a call of what has no name ({_type(named)})")
        if isinstance(named, Foreign):
            self.push(named)
        elif len(arguments) > MOST_ARGUMENTS:
            raise Forbidden(f"{named.name} with {len(arguments)} arguments")
        else:
            self.push(named.make(arguments))

    def build(self, _: Any) -> None:
        """BUILD: attributes of an object. Those of an OrderedDict, such as _metadata, are none."""
        (state,) = self.take(1)
        target = self.stack[-1]
        if isinstance(target, Foreign) or (type(target) is dict and type(state) is dict):
            return
        raise Forbidden(f"attributes of what has none ({_type(target)})")

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise Forbidden("a name that is no text")
        self.push(self.find(module, name))


def _dict(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise IndexError
    for key in items[::2]:
        if not isinstance(key, KEYS):
            raise Forbidden(f"a key that is no text or number ({_type(key)})")
    return dict(zip(items[::2], items[1::2], strict=True))


def _type(value: Any) -> str:
    return shown(value.name) if isinstance(value, (Named, Foreign)) else type(value).__name__


def _instruction(opcode: str, argument: Any) -> str:
    """Words for an instruction that is not allowed; INST has the name that it wants to call."""
    if opcode == "INST":
        return shown(".".join(str(argument).split(" ", 1)))
    return f"the instruction {opcode}"


def _nothing(machine: _Machine, argument: Any) -> None:
    """Framing, the version and the end."""


def _constant(value: Any) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(value)


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(machine.take(count))


_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    # numbers, texts and bytes, whose value comes with the instruction
    **dict.fromkeys(
        (
            *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
            *("STRING", "BINSTRING", "SHORT_BINSTRING"),
            *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
            *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        ),
        _Machine.push,
    ),
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_above_mark,
    "EMPTY_TUPLE": _constant(()),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.above_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.above_mark()),
    "APPEND": lambda machine, _: machine.add(list(machine.take(1))),
    "APPENDS": lambda machine, _: machine.add(machine.above_mark()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": lambda machine, _: machine.push(_dict(machine.above_mark())),
    "SETITEM": lambda machine, _: machine.set(list(machine.take(2))),
    "SETITEMS": lambda machine, _: machine.set(machine.above_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"),
        lambda machine, number: machine.push(machine.memo[number]),
    ),
    "GLOBAL": lambda machine, names: machine.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": lambda machine, _: machine.push(machine.persistent(*machine.take(1))),
}
