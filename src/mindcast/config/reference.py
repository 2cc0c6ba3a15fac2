"""The reference page of all settings, made from their types: key, values, default, meaning."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic.fields import FieldInfo

from mindcast.config.frozen import Frozen

INTRO = """# Settings

Every key of the YAML file, by the full path that `--set` takes (`--set sampling.steps=50`). A key
is required where no default is given; `null` is none, and `--set` below a group that is `null`
makes the group. A key that ends in `_path` is relative to the folder above `configs` in a file, to
the current folder after `--set`; there and in keys that end in `_dir` a leading `~` is the home
folder.

A key that stands twice is refused. Times are written like 2019-06-01 12:00, in UTC where they have
no zone; numbers are decimal and without quotes; yes, no, on and off are text but where true or
false is expected.

`make settings` makes this page from the settings types in `src/mindcast`: edit those."""
HEAD = ("| key | values | default | meaning |", "| --- | --- | --- | --- |")
NAMES = {bool: "true, false", int: "integer", float: "number", str: "text", datetime: "time"}
SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
SECTION = "section"


@dataclass(frozen=True)
class Part:
    """A chapter of the page: a settings type and the path at which the file holds it ("": top).

    note: a line more.
    """

    title: str
    path: str
    settings_type: type[Frozen]
    note: str = ""


def reference(parts: Iterable[Part]) -> str:
    """The page as Markdown; a type that occurs again is referred to where it was written."""
    written: dict[type[Frozen], str] = {}
    lines = [INTRO]
    for part in parts:
        lines += ["", f"## {part.title}", "", *_tables(part, written)]
    return "\n".join(lines) + "\n"


def _tables(part: Part, written: dict[type[Frozen], str]) -> Iterator[str]:
    """The table of a type's own keys, then those of the sections in it."""
    below: list[Part] = []
    yield from (f"{_plain(part.settings_type.__doc__ or '')}{part.note}", "", *HEAD)
    for name, info in part.settings_type.model_fields.items():
        key = f"{part.path}.{name}".lstrip(".")
        words = [meaning(part.settings_type, name)]
        for inner in sections_in(info.annotation):
            path = f"{key}.<stage>" if typing.get_origin(info.annotation) is dict else key
            if inner in written:
                words.append(f"Keys as in {written[inner]}.")
            else:
                words.append("Keys below.")
                written[inner] = f"`{path}` of {part.title}"
                below.append(Part(part.title, path, inner))
        cells = f"`{key}`", values(info.annotation, info.metadata), _default(info), " ".join(words)
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    for inner_part in below:
        yield from ("", f"### `{inner_part.path}`", "", *_tables(inner_part, written))


def meaning(settings_type: type[Frozen], name: str) -> str:
    """The docstring below a field: its own, or that of the base whose field it overrides."""
    for base in settings_type.__mro__:
        if issubclass(base, Frozen) and name in _docstrings(base):
            return _plain(_docstrings(base)[name])
    return ""


@cache
def _docstrings(settings_type: type[Frozen]) -> Mapping[str, str]:
    """The text below each field in the source of its type.

    Differs: pydantic would read them too, for every type whenever the program starts, which takes
    a quarter of the time of a refusal.
    """
    source = textwrap.dedent(inspect.getsource(settings_type))
    (body,) = (node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def sections_in(annotation: Any) -> Iterator[type[Frozen]]:
    """The settings types inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        yield annotation
    for part in typing.get_args(annotation):
        yield from sections_in(part)


def values(annotation: Any, limits: Sequence[Any] = ()) -> str:
    """What a field takes, in words: type and range; `limits` is pydantic's metadata of it."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return values(inside[0], [m for limit in inside[1:] for m in _limits(limit)])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inside)
    if origin in (typing.Union, types.UnionType):
        some = [values(kind, limits) for kind in inside if kind is not type(None)]
        return " or ".join(some if len(some) == len(inside) else [*some, "null"])
    if isinstance(annotation, TypeVar) or origin is dict or any(sections_in(annotation)):
        return SECTION
    if origin is tuple and inside[-1] is Ellipsis:
        return f"list of {values(inside[0])}{_range(limits)}"
    if origin is tuple:
        return f"[{', '.join(map(values, inside))}]"
    return NAMES[annotation] + _range(limits)


def _range(limits: Iterable[Any]) -> str:
    """The limits of a number as in " > 0, < 1", those of a length as in ", not empty"."""
    bounds = [
        f"{sign} {_plain_number(getattr(limit, name))}"
        for limit in limits
        for name, sign in SIGNS.items()
        if hasattr(limit, name)
    ]
    lengths = [limit.min_length for limit in limits if hasattr(limit, "min_length")]
    empty = [", not empty" if length == 1 else f", at least {length}" for length in lengths]
    return (" " + ", ".join(bounds) if bounds else "") + "".join(empty)


def _limits(limit: Any) -> list[Any]:
    """The limits in one piece of an annotation, of which a `Field` may hold several."""
    return limit.metadata if isinstance(limit, FieldInfo) else [limit]


def _plain_number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if isinstance(info.default, Frozen):
        return ""
    return f"`{json.dumps(info.default, default=str)}`"


def _plain(text: str) -> str:
    """Paragraphs without line breaks inside."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
