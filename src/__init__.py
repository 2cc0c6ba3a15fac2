"""MindCast: three published weather diffusion models behind one command line."""
