"""Downscaling of temperature on pressure levels."""
