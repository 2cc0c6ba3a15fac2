"""Scores of downscaled temperature on pressure levels; NumPy only."""
