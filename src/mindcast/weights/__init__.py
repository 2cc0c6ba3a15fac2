"""Files of trained weights, of PyTorch, safetensors and MindSpore, read and written as arrays.

Plain NumPy: no framework is loaded, and nothing that lies in a file is ever run.
"""
