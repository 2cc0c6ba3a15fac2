"""How rain moves: the motion field of a few frames, and the last frame carried along it."""
