"""Compiled graphs that later processes use again: what a graph is made of, and where it is kept."""
