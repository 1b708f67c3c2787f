"""Where evolution begins: random weights, and published ones."""

from mu2.models.roots.efficientnet import EfficientNetWeights
from mu2.models.roots.onnx import PPOCR
from mu2.models.roots.pretrained import AugReg, Safetensors
from mu2.models.roots.root import RandomRoot, RemoteRoot, Root, SelectiveRoot

__all__ = [
    "PPOCR",
    "AugReg",
    "EfficientNetWeights",
    "RandomRoot",
    "RemoteRoot",
    "Root",
    "Safetensors",
    "SelectiveRoot",
]
