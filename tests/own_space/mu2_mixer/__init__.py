"""MLP-Mixer blocks in place of a ViT's."""

import dataclasses

import flax.linen as nn
import jax

from mu2.models import Network, ViT


class MixerBlock(nn.Module):
    dtype: str
    last: bool  # nothing reads more of it than the class token

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        _, tokens, width = x_BxTxD.shape
        y_BxDxT = nn.LayerNorm(dtype=self.dtype)(x_BxTxD).swapaxes(1, 2)
        y_BxDxT = nn.Dense(tokens, dtype=self.dtype)(nn.gelu(y_BxDxT))
        x_BxTxD += y_BxDxT.swapaxes(1, 2)
        if self.last:
            x_BxTxD = x_BxTxD[:, :1]
        y_BxTxD = nn.LayerNorm(dtype=self.dtype)(x_BxTxD)
        return x_BxTxD + nn.Dense(width, dtype=self.dtype)(nn.gelu(y_BxTxD))


@dataclasses.dataclass(frozen=True)
class Mixer(ViT):
    def network(self, hyperparameters, num_classes, dtype="float32"):
        return Network(
            dataclasses.replace(c, module=MixerBlock(dtype, c.module.last), identity=())
            if c.name.startswith("encoderblock")
            else c
            for c in super().network(hyperparameters, num_classes, dtype)
        )
