from pathlib import Path

import pytest

from tests.parity.golden import GoldenFile

FOLDER = Path(__file__).parents[3] / "shared" / "golden" / "prediff"
FILES = sorted(FOLDER.glob("vae_*.npz"))


@pytest.mark.skipif(not FILES, reason="no golden files beside the project")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_autoencoder_agrees_with_the_reference(path):
    from tests.parity.prediff_vae import HANDLERS

    prefix = max((name for name in HANDLERS if path.stem.startswith(name)), key=len)
    comparisons = list(HANDLERS[prefix](GoldenFile.read(path)))
    assert comparisons
    assert not [f"{c.name}: {c.error():.1e}" for c in comparisons if not c.passed()]
