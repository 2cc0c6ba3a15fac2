"""Precipitation nowcasting: the frames of the next hours."""
