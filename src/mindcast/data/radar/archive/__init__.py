"""Archives of radar events in the SEVIR layout: a catalogue, and HDF5 files of whole events."""
