"""Radar files of users, as they lie on their discs, become the input of a nowcast."""
