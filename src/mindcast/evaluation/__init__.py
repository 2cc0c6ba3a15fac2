"""Scores of forecasts against observations; NumPy only."""
