"""The trainer, its optimiser and its checkpoints; knows models by their face only."""
