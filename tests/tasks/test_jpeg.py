"""JPEG quality: the range that is drawn from, and that an image goes through the file format."""

import io

import numpy as np
import pytest

from mu2.random_keys import Key
from mu2.tasks.jpeg import draw_qualities, recompress

Image = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("delta", [0.01, 0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_qualities_are_whole_numbers_from_the_lowest_to_99(delta, dtype):
    # As a cohort passes it on: float32, of what the Gin file says.
    drawn = draw_qualities(Key.from_seed(0).numpy().random(40_000), float(dtype(delta)))
    lowest = int(100 * (1 - delta))
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == list(range(lowest, 100))
    np.testing.assert_allclose(counts / len(drawn), 1 / (100 - lowest), rtol=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_comes_back_as_its_file_would(channels):
    x = Key.from_seed(0).numpy().integers(0, 256, (20, 30, channels), np.uint8)
    file = io.BytesIO()
    Image.fromarray(x[:, :, 0] if channels == 1 else x).save(file, "JPEG", quality=80)
    expected = np.asarray(Image.open(file)).reshape(20, 30, channels)
    np.testing.assert_array_equal(recompress(x, 80), expected)
    # A lower quality loses more.
    errors = [np.abs(recompress(x, q).astype(int) - x).mean() for q in (95, 80, 50)]
    assert errors == sorted(errors)
    assert errors[0] > 0
