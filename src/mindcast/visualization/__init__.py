"""Figures and animations of forecasts and scores; NumPy and matplotlib (Agg) only."""
