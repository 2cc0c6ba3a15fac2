"""Scores of forecasts against observations; NumPy only. Shared parts here, a room for each task."""
