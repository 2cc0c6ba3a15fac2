"""What workers run: one file a side, see `tests.bench.worker`."""
