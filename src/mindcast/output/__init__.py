"""Forecasts as files with coordinates and units; NumPy and xarray only."""
