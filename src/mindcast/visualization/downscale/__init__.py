"""Pictures of downscaled temperature on pressure levels."""
