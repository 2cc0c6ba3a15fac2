"""Diffusion processes, predictions, samplers and guidance; no model is named here."""
