"""`tf.image.resize` in plain Python, which tests compare with."""

import numpy as np


def half_pixel_bilinear(picture_HxWxC, size):
    """`tf.image.resize` by its formula, a pixel at a time in float64."""
    height, width, channels = picture_HxWxC.shape
    made = np.empty((size, size, channels))
    for i in range(size):
        for j in range(size):
            y, x = (i + 0.5) * height / size - 0.5, (j + 0.5) * width / size - 0.5
            top, left = int(np.floor(y)), int(np.floor(x))
            rows = [min(max(r, 0), height - 1) for r in (top, top + 1)]
            columns = [min(max(c, 0), width - 1) for c in (left, left + 1)]
            down, across = y - top, x - left
            upper = [picture_HxWxC[rows[0], c].astype(float) for c in columns]
            lower = [picture_HxWxC[rows[1], c].astype(float) for c in columns]
            above = upper[0] + (upper[1] - upper[0]) * across
            below = lower[0] + (lower[1] - lower[0]) * across
            made[i, j] = above + (below - above) * down
    return made
