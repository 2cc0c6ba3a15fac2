"""Pictures of frames that follow a radar sequence."""
