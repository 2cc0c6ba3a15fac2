import ast
import functools
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from mindcast.config.schema import RunSettings
from mindcast.data import DATASETS
from mindcast.models import MODELS, load_spec


def settings_types():
    types = [RunSettings, *(load_spec(name).settings_type for name in MODELS)]
    types += [dataset.settings_type for dataset in DATASETS.values()]
    seen = []
    while types:
        found = types.pop()
        if found in seen:
            continue
        seen.append(found)
        for field in found.model_fields.values():
            types += inner_types(field.annotation)
    return seen


def inner_types(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [t for part in typing.get_args(annotation) for t in inner_types(part)]


@functools.cache
def attributes_read():
    names = set()
    for path in Path("src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
    return names


@pytest.mark.parametrize("settings_type", settings_types(), ids=lambda t: t.__name__)
def test_every_key_of_the_schema_is_read_by_some_code(settings_type):
    unread = set(settings_type.model_fields) - attributes_read()
    assert not unread
