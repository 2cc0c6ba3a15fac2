"""The demos' configurations on data that are generated, so that nothing must be at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.models.geodiff.settings import GeoDiffSettings
from tests.bench.cases import CONFIGS

EVENTS = 6
GRID = [32, 32]  # points of a generated temperature field: a training crop
# the stage whose network is called again and again in a forecast
DRAWING = {"prediff": "diffusion", "diffcast": "joint", "geodiff": "diffusion"}


@dataclass(frozen=True)
class Demo:
    """model: its name. folder: where data may be made; demos of one kind of data share them."""

    model: str
    folder: Path

    @property
    def asked(self) -> dict[str, Any]:
        """The configuration and its changes, as workers take them."""
        config = str(CONFIGS / "demo" / f"{self.model}.yaml")
        return {"config": config, "changes": [f"data={self._data}", *self._levels]}

    @property
    def _levels(self) -> list[str]:
        """Those that there are in generated fields, the released ones."""
        levels = GeoDiffSettings.model_fields["levels_hpa"].default
        return [f"model.levels_hpa={list(levels)}"] if self.model == "geodiff" else []

    @property
    def _data(self) -> str:
        if self.model == "geodiff":
            root = self.folder / "temperature"
            return f"{{name: synthetic_temperature, root_dir: {root}, grid_size: {GRID}}}"
        return f"{{name: synthetic, root_dir: {self.folder / 'radar'}, events: {EVENTS}}}"
