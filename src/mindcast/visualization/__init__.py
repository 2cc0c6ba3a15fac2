"""Figures and animations of forecasts and scores; NumPy and matplotlib (Agg) only.

Shared parts here, a room for the pictures of each task.
"""
