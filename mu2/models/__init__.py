"""Networks cut into components: what a path is made of."""

from mu2.models.adapter import Adapter
from mu2.models.component import Arrays, Component, Model, Network, flatten, nest
from mu2.models.convnet import ConvNet
from mu2.models.mlp import MLP
from mu2.models.pretrained import AugReg, Safetensors
from mu2.models.registry import installed, models, restore
from mu2.models.root import Fetched, RandomRoot, Root
from mu2.models.text import ByteTransformer
from mu2.models.vit import ViT

__all__ = [
    "MLP",
    "Adapter",
    "Arrays",
    "AugReg",
    "ByteTransformer",
    "Component",
    "ConvNet",
    "Fetched",
    "Model",
    "Network",
    "RandomRoot",
    "Root",
    "Safetensors",
    "ViT",
    "flatten",
    "installed",
    "models",
    "nest",
    "restore",
]
