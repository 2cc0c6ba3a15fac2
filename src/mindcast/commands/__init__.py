"""One file a mode, and what modes share: request, cases and report of a test."""
