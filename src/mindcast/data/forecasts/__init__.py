"""Forecast files, ours or anyone's CF files, and the observations that they are held against."""
