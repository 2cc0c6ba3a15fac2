"""The Python of an environment with PyTorch, which is no part of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mindcast.refusal import Refusal

DEFAULT = ".venv-torch"
VERSION = "2.13.0"
HOW = (
    f"make one by: python3.11 -m venv {DEFAULT} && {DEFAULT}/bin/pip install torch=={VERSION} "
    "'numpy<2' --index-url https://download.pytorch.org/whl/cpu"
)


def python_of(given: str) -> str:
    """The Python that `--torch` names, a file or the folder of an environment; Refusal where it
    has no PyTorch."""
    path = Path(given)
    python = path / "bin" / "python" if path.is_dir() else path
    if not python.is_file():
        raise Refusal(f"--torch {given}: no environment with PyTorch is there; {HOW}")
    asked = [str(python), "-c", "import numpy, torch"]
    tried = subprocess.run(asked, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        why = tried.stderr.strip().splitlines()[-1:] or ["it does not run"]
        raise Refusal(f"--torch {given}: {why[0]}; {HOW}")
    return str(python.absolute())
