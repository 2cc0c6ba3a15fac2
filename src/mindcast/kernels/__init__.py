"""Fused operators of the CPU, one C++ file each, built on the user's machine at first use.

Where a model runs on a CPU with a C++ compiler they stand in for chains of public operators: the
same values to rounding, a fraction of the time and of the memory. Everywhere else (a card, no
compiler, `MINDCAST_KERNELS=off`) the public operators serve. Only `layers` and `training` know.
"""
