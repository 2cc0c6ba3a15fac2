"""YAML as people mean it: no key twice, keys that are text, plain numbers, dates left as text.

On top of PyYAML's parser. Differs from its `safe_load`, which follows YAML 1.1: there of two equal
keys the last one counts, `on` and `no` are booleans, 12:30 is 750 and 0123 is 83, 1e-3 is text, an
impossible date is an error without a place, and sections shared by an alias are one object.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MOST_NODES = 20_000  # far more than a settings file has; aliases of aliases grow without bound
MOST_LEVELS = 40
MOST_DIGITS = 40
NO_TEXT = "no text holds the character"
MERGE = "tag:yaml.org,2002:merge"
KINDS = {"tag:yaml.org,2002:" + name: name for name in ("str", "null", "bool", "int", "float")}
NUMBERS = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9_]*|0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*)$"),
    "float": re.compile(
        r"""[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?
        |\.[0-9][0-9_]*([eE][-+]?[0-9]+)?
        |[0-9][0-9_]*[eE][-+]?[0-9]+
        |\.(inf|Inf|INF))$|\.(nan|NaN|NAN)$""",
        re.VERBOSE,
    ),
}


class NotYaml(ValueError):
    """A text that is refused, with what is wrong; `line` counts from 1, 0 where it is unknown."""

    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem)
        self.line = mark.line + 1 if mark else 0


class _Parser(yaml.SafeLoader):
    """PyYAML's, with other kinds of plain words and a bound on how deep things nest."""

    levels = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise NotYaml(f"more than {MOST_LEVELS} levels", self.peek_event().start_mark)
        node: Node | None = super().compose_node(parent, index)
        self.levels -= 1
        return node


class _Writer(yaml.SafeDumper):
    """PyYAML's, with quotes also around text that only `parse` would take for a number."""


_Parser.yaml_implicit_resolvers = {}  # none of the base's
for _kind, _pattern in (
    ("bool", re.compile("(true|True|TRUE|false|False|FALSE)$")),
    ("null", re.compile("(~|null|Null|NULL|)$")),
    *NUMBERS.items(),
    ("merge", re.compile("<<$")),
):
    _Parser.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _pattern, None)
_Writer.add_implicit_resolver("tag:yaml.org,2002:float", NUMBERS["float"], None)


def parse(text: str, comments: bool = True) -> Any:
    """What a YAML text holds: dicts, lists and plain values, none of them shared. Raises NotYaml.

    Keys are text. Dates stay text, so do yes, no, on and off. comments: whether text behind a "#"
    may be left out; else it was meant, as that of a path may be.
    """
    try:
        parser = _Parser(text)
        node = parser.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise NotYaml(f"not valid YAML ({error.problem})", error.problem_mark) from None
    except yaml.reader.ReaderError as error:
        raise NotYaml(f"{NO_TEXT} {chr(error.character)!r}") from None
    except (ValueError, OverflowError) as error:  # such as "\\UFFFFFFFF"
        if isinstance(error, NotYaml):
            raise
        raise NotYaml(f"not valid YAML ({error})") from None
    ignored = text[node.end_mark.index if node else 0 :].strip()
    if ignored and not comments:
        raise NotYaml(f"{ignored!r} would be ignored as a comment; put the whole text in quotes")
    return _Builder().build(node) if node else None


def write(tree: Any) -> str:
    """YAML text that `parse`, and other readers of YAML 1.1, read back to an equal tree."""
    return yaml.dump(tree, Dumper=_Writer, sort_keys=False)


class _Builder:
    """Python values from nodes; each alias gives values of its own."""

    def __init__(self) -> None:
        self.count = 0
        self.above: list[Node] = []

    def build(self, node: Node) -> Any:
        self.count += 1
        if self.count > MOST_NODES:
            raise NotYaml(f"more than {MOST_NODES} values, aliases counted", node.start_mark)
        if any(node is other for other in self.above):
            raise NotYaml("an alias of what it stands in", node.start_mark)
        self.above.append(node)
        value = self._value(node)
        self.above.pop()
        return value

    def _value(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.build(item) for item in node.value]
        if isinstance(node, MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node)
        raise _unknown_tag(node)

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in lines:
                raise NotYaml(
                    f"the key {key!r} stands twice, first in line {lines[key]}; keep one of them",
                    key_node.start_mark,
                )
            lines[key] = key_node.start_mark.line + 1
            value = self.build(value_node)
            if key_node.tag == MERGE:
                merged = _merged(value, key_node)
            else:
                own[key] = value
        return {**merged, **own}


def _merged(value: Any, key: Node) -> dict[str, Any]:
    """What `<<` brings in: one mapping, or several of which the first counts."""
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in several):
        raise NotYaml("'<<' takes a mapping or a list of mappings", key.start_mark)
    return {name: found for one in reversed(several) for name, found in one.items()}


def _key(node: Node) -> str:
    if isinstance(node, ScalarNode) and node.tag in (MERGE, "tag:yaml.org,2002:str"):
        return str(node.value)
    if isinstance(node, ScalarNode):
        found = f"the key {node.value or 'null'} is {KINDS.get(node.tag, 'no text')}"
    else:
        found = f"a key is a {'sequence' if isinstance(node, SequenceNode) else 'mapping'}"
    raise NotYaml(f"{found}, expected the name of a setting", node.start_mark)


def _scalar(node: ScalarNode) -> Any:
    kind, text = KINDS.get(node.tag), node.value
    if kind is None and node.tag != MERGE:
        raise _unknown_tag(node)
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "null":
        return None
    pattern = NUMBERS.get(kind or "")
    if pattern is None and kind != "bool":
        wrong = re.search("[\0\ud800-\udfff]", text)  # neither a file nor its name can hold them
        if wrong:
            raise NotYaml(f"{NO_TEXT} {wrong.group()!r}", node.start_mark)
        return text
    if pattern is None or not pattern.match(text) or len(text) > MOST_DIGITS:
        raise NotYaml(f"{_short(text)} is no {kind}", node.start_mark)
    digits = text.replace("_", "").lower()
    if kind == "int":
        return int(digits, 0)
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


def _unknown_tag(node: Node) -> NotYaml:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return NotYaml(f"the tag {tag} has no meaning in settings", node.start_mark)


def _short(text: str) -> str:
    return repr(text) if len(text) <= MOST_DIGITS else f"{text[:MOST_DIGITS]!r}..."
