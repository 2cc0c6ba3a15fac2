"""State dicts with random values, under the released names."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from mindcast.conversion.converted import Choice, expected_shapes
from mindcast.models import load_spec
from mindcast.models.released import Shapes
from mindcast.settings import load_settings
from mindcast.weights.read import Stored

CONFIGS = Path("configs")
MANIFESTS = Path(__file__).parents[3] / "shared" / "spec" / "manifests"
POOL = 1 << 16


def random_arrays(shapes, seed=0):
    """Arrays of those shapes; the numbers repeat, all are float16 numbers as float32."""
    rng = np.random.default_rng(seed)
    pool = rng.standard_normal(POOL).astype(np.float16).astype(np.float32)
    starts = rng.integers(0, POOL, len(shapes))
    return {
        name: np.take(pool, range(start, start + math.prod(shape)), mode="wrap").reshape(shape)
        if math.prod(shape) < 1000
        else np.resize(np.roll(pool, start), shape)
        for start, (name, shape) in zip(starts, shapes.items(), strict=True)
    }


def settings_of(configuration, *overrides):
    """The settings of a run in configs/."""
    return load_settings(CONFIGS / configuration, overrides)


def state_of(settings, stage, seed=0):
    """The state dict of the reference, for the network that the settings give."""
    spec = load_spec(settings.model.name)
    shapes = expected_shapes(spec, stage, settings.model, Shapes({}))
    return spec.released.to_reference(stage, random_arrays(shapes, seed), settings.model)


def stored(content, kind="pytorch", metadata=None):
    """As a file would be read."""
    return Stored(kind, content, metadata or {})


def choice(*overrides, **changes):
    """A user's choice; by default none."""
    return Choice(CONFIGS, overrides=overrides, **changes)


def manifest(name):
    """Rows of a list of tensors; the test is skipped where it is not beside the project."""
    path = MANIFESTS / name
    if not path.is_file():
        pytest.skip(f"no manifest {name} beside the project")
    with path.open() as lines:
        return list(csv.DictReader(lines))


def shape_of(row):
    return tuple(int(n) for n in row["shape"].split("x") if n)
