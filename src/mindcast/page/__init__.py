"""What was forecast and what it was worth, as one page for a browser."""
