"""Residual adapters: small bottlenecks that leave the function unchanged when inserted."""

import flax.linen as nn
import jax


class Adapter(nn.Module):
    """LayerNorm, Dense, GELU, Dense and a residual sum; the last kernel starts at zero.

    Source: arXiv 2205.12755, section on insertion mutations (docs/method.md, Components).

    Attributes:
      dim: inner width.
      dtype: dtype of the arithmetic.
    """

    dim: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D]; the identity at initialisation."""
        width = x_BxTxD.shape[-1]
        y = nn.LayerNorm(dtype=self.dtype)(x_BxTxD)
        y = nn.gelu(nn.Dense(self.dim, dtype=self.dtype)(y))
        y = nn.Dense(width, dtype=self.dtype, kernel_init=nn.initializers.zeros)(y)
        return x_BxTxD + y
