"""Which settings keys code reads, and from an object of which type: a walk over its source.

An expression is inferred as a list of what it may be: a type (some object of it), `Known` (a class,
function, module or constant itself) or a tuple of such lists. Types come from annotations, from
attributes `self.x = value`, and from calls where a parameter has no settings type of its own.
"""

import ast
import builtins
import inspect
import sys
import types
import typing
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any

from mindcast.config.frozen import Frozen


@dataclass(frozen=True, eq=False)
class Known:
    thing: Any


def is_settings(item):
    return isinstance(item, type) and issubclass(item, Frozen)


def is_type(item):
    return hasattr(item, "__name__")  # also list[int] and its like


def functions(tree):
    """(name, node) of functions and methods, as in "f" and "Class.f"."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        yield from ((prefix + f.name, f) for f in inner if isinstance(f, ast.FunctionDef))


def elements(items):
    """What a loop over any of the items may give, or an index into it."""
    for item in items:
        if isinstance(item, tuple):
            yield from (x for part in item for x in part)
        elif isinstance(item, Known):
            yield from map(Known, item.thing if isinstance(item.thing, (tuple, list)) else ())
        else:
            yield from typing.get_args(item) or [item]


class KeysRead:
    """`keys` holds (settings type, key) of every read in `sources`: texts by name of their module.

    variables: what a TypeVar of that name stands for. handed: (module, function, parameter) ->
    types that are given there. Methods of settings types count where they are used.
    """

    def __init__(self, sources, variables=None, handed=None):
        self.variables, self.keys, self.used = variables or {}, set(), set()
        self.attributes, self.handed = defaultdict(set), defaultdict(set, handed or {})
        self.nodes = {name: dict(functions(ast.parse(text))) for name, text in sources.items()}
        self.annotated, size = {}, None
        while size != (size := self._walk()):
            pass

    def _walk(self):
        for name, nodes in self.nodes.items():
            for path in nodes:
                owner = getattr(sys.modules[name], path.split(".")[0]) if "." in path else None
                if not is_settings(owner):
                    self._function(name, path, owner)
        for function, owner in list(self.used):
            self._function(function.__module__, function.__qualname__, owner)
        learned = [*self.attributes.values(), *self.handed.values()]
        return len(self.keys), len(self.used), sum(map(len, learned))

    def _function(self, name, path, owner):
        node, self.module, env = self.nodes[name][path], vars(sys.modules[name]), {}
        for parameter in [*node.args.args, *node.args.kwonlyargs]:
            own = self._annotated(parameter.annotation)
            given = () if any(map(is_settings, own)) else self.handed[name, path, parameter.arg]
            env[parameter.arg] = [*own, *given]
        if "self" in env:
            env["self"] = [owner]
        self._block(node.body, env)

    def _annotated(self, annotation, module=None):
        module = module or self.module
        key = annotation, module["__name__"]
        if key not in self.annotated:
            try:
                text = annotation if isinstance(annotation, str) else ast.unparse(annotation)
                self.annotated[key] = self._flat(eval(text, module))
            except (NameError, AttributeError, TypeError):
                self.annotated[key] = []  # without one, or imported for the type checker alone
        return self.annotated[key]

    def _flat(self, annotation):
        """The members of a union."""
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            return [item for part in typing.get_args(annotation) for item in self._flat(part)]
        is_variable = isinstance(annotation, typing.TypeVar)
        return self.variables.get(annotation.__name__, []) if is_variable else [annotation]

    def _block(self, nodes, env):
        for node in nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                items, own = self._infer(node.value, env), getattr(node, "annotation", None)
                for target in [node.target] if own else node.targets:
                    self._bind(target, self._annotated(own) or items, env)
            elif isinstance(node, (ast.For, ast.comprehension)):
                self._bind(node.target, list(elements(self._infer(node.iter, env))), env)
                self._block([*getattr(node, "body", ()), *getattr(node, "ifs", ())], env)
            elif isinstance(node, ast.expr):
                self._infer(node, env)
            else:
                self._block(ast.iter_child_nodes(node), env)

    def _bind(self, target, items, env):
        if isinstance(target, ast.Name):
            env[target.id] = items
        elif isinstance(target, ast.Attribute):
            for owner in filter(inspect.isclass, self._infer(target.value, env)):
                self.attributes[owner, target.attr] |= set(filter(is_type, items))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, inner in enumerate(target.elts):
                parts = [i[place : place + 1] if isinstance(i, tuple) else [[i]] for i in items]
                found = [x for part in parts for some in part for x in some]
                self._bind(inner, found, env)

    def _infer(self, node, env):
        infer = partial(self._infer, env=env)
        if isinstance(node, ast.Name):
            known = self.module.get(node.id, getattr(builtins, node.id, None))
            return env.get(node.id, [Known(known)])
        if isinstance(node, ast.Constant):
            return [Known(node.value)]
        if isinstance(node, ast.Attribute):
            return [x for item in infer(node.value) for x in self._attribute(item, node.attr)]
        if isinstance(node, (ast.Tuple, ast.List)):
            return [tuple(map(infer, node.elts))]
        if isinstance(node, ast.Call):
            return self._call(node, infer)
        parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        if hasattr(node, "generators"):
            env = dict(env)
            self._block(node.generators, env)
            return [tuple(self._infer(part, env) for part in parts)]
        found = [x for part in parts for x in infer(part)]
        return list(elements(found)) if isinstance(node, ast.Subscript) else found

    def _call(self, node, infer):
        given, found = list(map(infer, node.args)), []
        named = {keyword.arg: infer(keyword.value) for keyword in node.keywords}
        for callee in infer(node.func):
            thing = getattr(callee, "thing", None)
            if not isinstance(callee, Known):
                found.append(callee)  # a method of a mapping or the like: see `_attribute`
            elif thing is getattr:
                names = [name.thing for name in given[1] if isinstance(name, Known)]
                found += [x for i in given[0] for n in names for x in self._attribute(i, n)]
            elif isinstance(thing, type):
                self._hand(thing.__init__, given, named)
                found.append(thing)
            elif isinstance(function := getattr(thing, "__func__", thing), types.FunctionType):
                self._hand(function, given, named)
                found += self._gives(function)
        return found

    def _gives(self, function):
        return self._annotated(function.__annotations__.get("return"), function.__globals__)

    def _hand(self, function, given, named):
        if isinstance(function, types.FunctionType):
            names = function.__code__.co_varnames
            places = zip(names[names[:1] in (("self",), ("cls",)) :], given, strict=False)
            for name, items in [*places, *named.items()]:
                key = function.__module__, function.__qualname__, name
                self.handed[key] |= set(filter(is_type, items))

    def _attribute(self, item, name):
        if isinstance(item, Known):
            return [Known(getattr(item.thing, name, None))]
        if is_settings(item) and name in item.model_fields:
            self.keys.add((item, name))
            return self._flat(item.model_fields[name].annotation)
        if not inspect.isclass(item) or item.__module__ not in self.nodes:
            return [item]  # the values or items of a mapping are as good as the mapping
        member = inspect.getattr_static(item, name, None)
        function = getattr(member, "fget", getattr(member, "func", member))
        if isinstance(function, types.FunctionType):
            if is_settings(item) and function.__module__ in self.nodes:
                self.used.add((function, item))
            return [Known(function)] if function is member else self._gives(function)
        found = []
        for base in (base for base in item.__mro__ if base.__module__ in self.nodes):
            found += self.attributes.get((base, name), ())
            declared = inspect.get_annotations(base).get(name)
            found += self._annotated(declared, vars(sys.modules[base.__module__]))
        return found
