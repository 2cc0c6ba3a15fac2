"""MindCast: train, score and compare weather diffusion models. `python main.py --help` says how."""

from src.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
