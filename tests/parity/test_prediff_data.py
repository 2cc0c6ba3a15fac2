from pathlib import Path

import pytest

from tests.parity.golden import GoldenFile
from tests.parity.prediff_data import HANDLERS

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "prediff"
FILES = sorted(GOLDEN.glob("data_sevir*.npz"))


@pytest.mark.skipif(not FILES, reason="../shared/golden/prediff is absent")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reader_agrees_with_the_reference(path):
    comparisons = list(HANDLERS["data_sevir"](GoldenFile.read(path)))
    assert len(comparisons) == 13  # 3 splits x (ids, length, items), 2 of single frames, 2 reduced
    assert [c.name for c in comparisons if not c.passed()] == []
