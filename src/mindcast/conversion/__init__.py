"""From files of weights to checkpoints of ours, and back.

Files are read and written by `mindcast.weights`; the networks are described by `Released` of each
model. Nothing is guessed: a tensor is taken, known and not needed, or refused.
"""
