"""Training sets out of radar composites: tiles and windows of what forecasts take as input."""
