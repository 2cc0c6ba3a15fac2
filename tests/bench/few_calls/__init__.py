"""Scores of trained models by the number of network calls: `python -m tests.bench.few_calls`."""
