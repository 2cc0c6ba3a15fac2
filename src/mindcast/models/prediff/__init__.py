"""PreDiff: precipitation nowcasting by latent diffusion (Gao et al. 2023)."""
