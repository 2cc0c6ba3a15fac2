"""The physics of temperature on pressure levels, in plain NumPy: fixed formulas, no settings.

Fields are float64 with axes (..., Z, H, W), levels from the bottom upwards (p falls along Z), SI
units, pressure in Pa. This room imports no other: data, models and evaluation all take from it.
"""
