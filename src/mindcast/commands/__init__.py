"""One file a mode: each puts the rooms together for one kind of work."""
