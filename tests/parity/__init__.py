"""Our cells against recorded numbers of the reference networks: `python -m tests.parity DIR`."""
