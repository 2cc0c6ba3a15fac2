"""Radar frames: archives of events (SEVIR), and sequences in HDF5 groups."""
