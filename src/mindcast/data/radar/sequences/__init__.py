"""Sequences of radar frames in the groups of HDF5 files: MeteoNet, Shanghai, CIKM, small SEVIR."""
