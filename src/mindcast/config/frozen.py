"""The base type of every settings object."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable settings that accept their declared keys only; see `loader.load` for refusals."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
