"""What a call of a network amounts to, counted from its description: operations and bytes.

`count.py` counts one convolution, product or attention; one file a model adds them up. Nothing here
runs a network, and nothing imports MindSpore.
"""
