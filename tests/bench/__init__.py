"""What our formulations gain over the stock operators on CPU: `python -m tests.bench`."""
