"""A plain checkout's door to `mindcast.cli`. `python main.py --help` says how it is used."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from mindcast.cli import run

if __name__ == "__main__":
    run()
