"""DiffCast: a deterministic backbone plus residual diffusion (Yu et al. 2024)."""
