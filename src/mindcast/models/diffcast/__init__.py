"""DiffCast: nowcasting by a deterministic backbone and residual diffusion (Yu et al. 2024)."""
