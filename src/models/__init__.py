"""The table of models: a model joins the house by one line here."""

from __future__ import annotations

from importlib import import_module

from src.models.base import ModelSpec
from src.refusal import Refusal

MODELS = {
    "prediff": "src.models.prediff.spec",
    "diffcast": "src.models.diffcast.spec",
    "geodiff": "src.models.geodiff.spec",
}


def load_spec(name: str) -> ModelSpec:
    """The `SPEC` of a registered model; imports no MindSpore. Refusal lists the names."""
    if name not in MODELS:
        raise Refusal(f"model.name = {name!r}: unknown model, expected one of {', '.join(MODELS)}")
    return import_module(MODELS[name]).SPEC
