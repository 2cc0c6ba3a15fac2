from pathlib import Path

import pytest

from tests.parity import prediff_diffusion, prediff_training
from tests.parity.golden import GoldenFile

FOLDER = Path(__file__).parents[3] / "shared" / "golden" / "prediff"
HANDLERS = prediff_diffusion.HANDLERS | prediff_training.HANDLERS
FILES = sorted((path, prefix) for prefix in HANDLERS for path in FOLDER.glob(f"{prefix}*.npz"))


@pytest.mark.parametrize(("path", "prefix"), FILES, ids=[path.stem for path, _ in FILES])
def test_golden_file_is_reproduced(path, prefix):
    comparisons = list(HANDLERS[prefix](GoldenFile.read(path)))
    assert comparisons
    assert [f"{c.name}: {c.error():.1e}" for c in comparisons if not c.passed()] == []
