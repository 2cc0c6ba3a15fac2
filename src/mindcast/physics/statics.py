"""The channels of the static fields (..., H, W, 3) of a sample of the task "downscale"."""

from __future__ import annotations

# orography / 1000 m; 1 on land, 0 on the sea; sin(latitude)
OROGRAPHY, LAND, SIN_LATITUDE = range(3)
