"""Scores of frames that follow a radar sequence, by lead time."""
