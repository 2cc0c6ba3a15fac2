import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from mindcast.data import DATASETS
from mindcast.models import MODELS, load_spec
from tests.config.keys_read import KeysRead
from tests.config.test_reference import all_types


def source_of_settings():
    """Texts by module of the files that mention settings: no other can read a key."""
    root, found = Path("src"), {}
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in ("ettings", "options", "mindcast.config")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = text
    for name in found:
        import_module(name)
    return found


def handed_by_specs():
    """What the windows of specs, called without a type, are given: settings of their model."""
    given = {}
    for spec in map(load_spec, MODELS):
        for window in (spec.window, *(stage.window for stage in spec.stages.values())):
            key = window.__module__, window.__qualname__, window.__code__.co_varnames[0]
            given.setdefault(key, set()).add(spec.settings_type)
    return given


@pytest.fixture(scope="module")
def keys():
    models = [load_spec(name).settings_type for name in MODELS]
    datasets = [dataset.settings_type for dataset in DATASETS.values()]
    variables = {"Model": models, "Data": datasets}
    return KeysRead(source_of_settings(), variables, handed_by_specs()).keys


def unread(settings_type, keys):
    """Keys that are read from no object of the type, of a base or of a subtype of it."""
    related = {
        key for t, key in keys if issubclass(t, settings_type) or issubclass(settings_type, t)
    }
    return set(settings_type.model_fields) - related


@pytest.mark.parametrize("settings_type", all_types(), ids=lambda t: t.__name__)
def test_every_key_of_the_schema_is_read_by_some_code(settings_type, keys):
    assert unread(settings_type, keys) == set()


EXAMPLE = """
from __future__ import annotations
from typing import Any
from pydantic import model_validator
from mindcast.config.frozen import Frozen


class Inner(Frozen):
    read: int = 0
    by_property: int = 0
    by_unused: int = 0
    validated: int = 0
    by_name: int = 0
    handed: int = 0
    unpacked: int = 0
    of_decoy: int = 0

    @property
    def doubled(self) -> int:
        return 2 * self.by_property

    @property
    def unused(self) -> int:
        return self.by_unused

    @model_validator(mode="after")
    def _checked(self) -> Inner:
        assert self.validated >= 0
        return self


class Decoy(Frozen):
    of_decoy: int = 0


class Outer(Frozen):
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    by_stage: dict[str, Inner] = {}
    decoy: Decoy = Decoy()
    dumped: int = 0


NAMES = ("by_name",)


class Reader:
    def __init__(self, settings: Outer) -> None:
        self.settings, alias = settings.inner, settings
        self.total = sum(one.unpacked for one in alias.many) + of_any(alias.inner)
        alias.model_dump()

    def value(self) -> int:
        named = [getattr(self.settings, name) for name in NAMES]
        return self.settings.read + self.settings.doubled + sum(named)


def of_any(settings: Any) -> int:
    return settings.handed


def stages(settings: Outer) -> list[int]:
    return [inner.read for stage, inner in settings.by_stage.items()]


def decoy(settings: Outer) -> int:
    return settings.decoy.of_decoy
"""


@pytest.fixture
def example(monkeypatch):
    module = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)
    exec(EXAMPLE, vars(module))
    return module


def test_a_key_counts_where_it_is_read_from_an_object_of_its_type(example):
    found = KeysRead({"example": EXAMPLE}).keys
    assert unread(example.Outer, found) == {"dumped"}
    assert unread(example.Decoy, found) == set()
    assert unread(example.Inner, found) == {"by_unused", "validated", "of_decoy"}


def test_a_key_that_only_the_base_has_read_counts_for_the_subtype(example):
    sub = type("Sub", (example.Inner,), {"__annotations__": {"own": int}, "__module__": "example"})
    assert unread(sub, {(example.Inner, "read")}) >= {"own"}
    assert "read" not in unread(sub, {(example.Inner, "read")})
    assert "read" not in unread(example.Inner, {(sub, "read")})
    assert "of_decoy" in unread(example.Inner, {(example.Decoy, "of_decoy")})
