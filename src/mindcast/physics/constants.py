"""The constants of every formula in this room, SI units."""

from __future__ import annotations

GAS_CONSTANT = 287.05  # R_d of dry air, J/kg/K
KAPPA = 2 / 7  # R_d / c_p, exactly
HEAT_CAPACITY = GAS_CONSTANT / KAPPA  # c_p, J/kg/K
GRAVITY = 9.80665  # g, m/s2
EARTH_RADIUS = 6371229.0  # a, m
EARTH_ROTATION = 7.292115e-5  # Omega, 1/s
REFERENCE_PRESSURE = 100000.0  # p_0, Pa
SECONDS_PER_DAY = 86400.0
