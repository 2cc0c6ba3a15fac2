"""MindCast: three published weather diffusion models behind one command line."""

__version__ = "0.1.0"
