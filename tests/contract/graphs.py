"""Operators of compiled graphs, read off the files that `MS_DEV_SAVE_GRAPHS` leaves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LAST_PASS = "graph_build_*.ir"  # the operators that run
NODE = re.compile(r"^\s+%\d+\(.*?\) = (?:PrimFunc_)?(\w+)\(")
TYPES = re.compile(r"^\s+: \((.*)\) -> \((.*)\)\s*$")
TENSOR = re.compile(r"<(?:Ref\[)?Tensor\[\w+\]\]?, \(([\d, ]*)\)")
PLACE = re.compile(r"# In file (\S*/src/mindcast/\S+?):(\d+)")

# CPU kernels that keep an index table of several times their output as long as the graph lives
ARITHMETIC = {"Add", "Sub", "Mul", "Select", "Where"}
ALWAYS = {"Div", "RealDiv", "Transpose", "GeLU", "GeLUGrad", "Gelu", "GeluGrad"}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operator:
    """kind: without the prefix of the file; place: the innermost line of ours that it is from."""

    kind: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    place: str

    @property
    def entries(self) -> int:
        return max(map(math.prod, self.outputs), default=0)

    @property
    def keeps_a_table(self) -> bool:
        """Whether its kernel does: see the notes on memory in `layers/broadcast.py`."""
        if self.kind in ALWAYS:
            return True
        sides = [shape for shape in self.inputs if math.prod(shape) != 1]
        return self.kind in ARITHMETIC and any(side not in self.outputs for side in sides)

    def __str__(self) -> str:
        return f"{self.place}: {self.kind} {self.inputs} -> {self.outputs}"


def graphs(folder: Path) -> Iterator[list[Operator]]:
    """The final graphs that were saved into the folder."""
    for path in sorted(folder.rglob(LAST_PASS)):
        yield list(operators(path.read_text()))


def operators(text: str) -> Iterator[Operator]:
    """In the order of the file."""
    kind, types, place = None, None, ""
    for line in (*text.splitlines(), "  %0(end) = End("):
        if node := NODE.match(line):
            if kind and types:
                yield Operator(kind, _shapes(types[1]), _shapes(types[2]), place)
            kind, types, place = node[1], None, ""
        elif kind and types is None:
            types = TYPES.match(line)
        elif found := PLACE.search(line):
            place = f"{Path(found[1]).as_posix().partition('/src/mindcast/')[2]}:{found[2]}"


def _shapes(text: str) -> tuple[Shape, ...]:
    return tuple(
        tuple(int(n) for n in found.split(",") if n.strip()) for found in TENSOR.findall(text)
    )


def offenders(graph: list[Operator], share: float, least: float = 0) -> list[Operator]:
    """Those that keep a table and write more than that share of the largest output of all."""
    limit = max(share * max((o.entries for o in graph), default=0), least)
    return [o for o in graph if o.keeps_a_table and o.entries > limit]
