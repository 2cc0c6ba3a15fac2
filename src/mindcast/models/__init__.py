"""The table of models: a model joins the house by one line here."""

from __future__ import annotations

from importlib import import_module

from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal

MODELS = {
    "prediff": "mindcast.models.prediff.spec",
    "diffcast": "mindcast.models.diffcast.spec",
    "geodiff": "mindcast.models.geodiff.spec",
}


def load_spec(name: str) -> ModelSpec:
    """The `SPEC` of a registered model; imports no MindSpore. Refusal lists the names."""
    if name not in MODELS:
        raise Refusal(f"model.name = {name!r}: unknown model, expected one of {', '.join(MODELS)}")
    return import_module(MODELS[name]).SPEC
