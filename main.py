"""MindCast: train, score and compare weather diffusion models. `python main.py --help` says how."""

from src.cli import main
from src.runtime.leaving import leave

if __name__ == "__main__":
    leave(main())
