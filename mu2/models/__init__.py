"""Networks cut into components, and the weights (`roots`) that evolution begins with.

An architecture is a `Model`; which of its components are shared is not known here.
"""

from mu2.models.adapter import Adapter
from mu2.models.component import Arrays, Component, Model, Network, flatten, nest
from mu2.models.convnet import ConvNet
from mu2.models.efficientnet_lite import EfficientNetLite0
from mu2.models.mlp import MLP
from mu2.models.ocr import LCNetV4
from mu2.models.registry import installed_models, models, restore
from mu2.models.roots.efficientnet import EfficientNetWeights
from mu2.models.roots.onnx import PPOCR
from mu2.models.roots.pretrained import AugReg, Safetensors
from mu2.models.roots.root import HasGuesses, RandomRoot, RemoteRoot, Root, SelectiveRoot
from mu2.models.text import ByteTransformer
from mu2.models.vit import ViT

__all__ = [
    "MLP",
    "PPOCR",
    "Adapter",
    "Arrays",
    "AugReg",
    "ByteTransformer",
    "Component",
    "ConvNet",
    "EfficientNetLite0",
    "EfficientNetWeights",
    "HasGuesses",
    "LCNetV4",
    "Model",
    "Network",
    "RandomRoot",
    "RemoteRoot",
    "Root",
    "Safetensors",
    "SelectiveRoot",
    "ViT",
    "flatten",
    "installed_models",
    "models",
    "nest",
    "restore",
]
