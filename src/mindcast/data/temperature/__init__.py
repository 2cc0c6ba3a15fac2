"""Temperature on pressure levels out of NetCDF files: pairs of coarse and fine fields."""
