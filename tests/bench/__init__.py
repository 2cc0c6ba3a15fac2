"""What MindCast costs on this machine, beside PyTorch if wanted: `python -m tests.bench`."""
