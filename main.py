"""A plain checkout's door to `mindcast`. `python main.py --help` says how it is used."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "src"))

from mindcast.__main__ import run

if __name__ == "__main__":
    run()
