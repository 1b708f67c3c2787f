"""Changes of colour as TensorFlow makes them, on numpy's arrays and on JAX's alike.

Source: mu2Net.ipynb (docs/input_pipeline.md). Every function takes the module of its arrays,
`numpy` or `jax.numpy`, images [..., H, W, C] on one of the scales of `SCALES`, and amounts that
broadcast against them.
"""

from collections.abc import Mapping
from typing import Any

# Of `Images.colours`: the values of black and of white.
SCALES: Mapping[str, tuple[float, float]] = {
    "unit": (0.0, 1.0),
    "signed": (-1.0, 1.0),
    "bytes": (0.0, 255.0),
}
# In the order in which colours change; also the names of their hyperparameters.
NAMES = ("brightness", "contrast", "saturation", "hue")


def brighten(x: Any, shift: Any) -> Any:
    """Adds a shift, in units of the scale."""
    return x + shift


def contrast(x: Any, mean: Any, factor: Any) -> Any:
    """Moves values away from the mean of their image and channel, or towards it."""
    return mean + (x - mean) * factor


def saturate(xp: Any, x: Any, factor: Any) -> Any:
    """Multiplies the saturation of RGB in HSV, which is cut off at 1.

    As in TensorFlow a pixel whose largest channel is not above 0 has no saturation and comes out
    grey, which only the scale from -1 on has.
    """
    value = x.max(axis=-1, keepdims=True)
    span = value - x.min(axis=-1, keepdims=True)
    # Saturation is span / value; s times as much of it leaves value and hue as they are.
    most = value / xp.where(span > 0, span, 1.0)
    scale = xp.maximum(xp.minimum(factor, most), 0.0)
    return value - (value - x) * xp.where(span > 0, scale, 1.0)


def turn_hue(xp: Any, x: Any, turn: Any) -> Any:
    """Turns the hue of RGB by a share of the circle; the largest and least channel stay."""
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    value = x.max(axis=-1)
    span = value - x.min(axis=-1)
    safe = xp.where(span > 0, span, 1.0)
    hue = xp.where(
        value == r,
        (g - b) / safe,
        xp.where(value == g, 2.0 + (b - r) / safe, 4.0 + (r - g) / safe),
    )
    hue = xp.where(span > 0, hue, 0.0) / 6.0 + turn
    offsets = xp.asarray([5.0, 3.0, 1.0], dtype=x.dtype)
    k = (offsets + hue[..., None] * 6.0) % 6.0
    ramp = xp.clip(xp.minimum(k, 4.0 - k), 0.0, 1.0)
    return value[..., None] - span[..., None] * ramp
