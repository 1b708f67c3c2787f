"""Rotation, shear, scale and translation against formulas in plain numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.random_keys import Key
from mu2.tasks.images import DEFAULT, Images
from mu2.training import augment as augment_module
from mu2.training.affine import draw_maps, sample
from mu2.training.augment import Augmentation, augment
from mu2.training.crop import crop_and_resize
from mu2.training.layout import single
from mu2.training.prepare import Batch, Preparation

KEY = Key.from_seed(6)
NAMES = ("rotation", "shear", "scale", "translation")
RANGES = {"rotation": 40.0, "shear": 0.3, "scale": 0.2, "translation": 0.15}
OFF = Augmentation.of({"crop": True, "area_min": 0.3, "aspect_min": 0.75})
FLIP = OFF._replace(flip=np.bool_(True))
ALL = OFF._replace(**{name: np.float32(delta) for name, delta in RANGES.items()})
IMAGES = KEY.numpy().integers(0, 256, (6, 20, 24, 3), np.uint8)
BOXES = np.array([[0, 0, 20, 24], [3, 4, 9, 12], [7, 1, 11, 7]] * 2, np.float32)
BILINEAR = Images(resize="bilinear")
compiled = jax.jit(augment, static_argnames=("size", "images"))


def alone(name):
    """One of the four, the others off."""
    return {other: RANGES[other] * (other == name) for other in NAMES}


CASES = {"all": RANGES, **{name: alone(name) for name in NAMES}}


def numbers(key, b, ranges):
    """What is drawn for each image: turn, slant, factor and move, in float64."""
    drawn = np.asarray(jax.random.uniform(key, (5, b), minval=-1.0, maxval=1.0), np.float64)
    r, s, f = (drawn[i] * ranges[name] for i, name in enumerate(NAMES[:3]))
    return np.deg2rad(r), s, 1 + f, drawn[3:] * ranges["translation"]


def forward(r, s, f):
    """Of one image: where a point goes, x to the right and y down, before the move."""
    turn = np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]])
    return turn @ (f * np.array([[1.0, s], [0.0, 1.0]]))


def taken(image, y, x):
    """The pixel at a place between four, the edges going on."""
    h, w, _ = image.shape
    y, x = np.clip(y, 0, h - 1), np.clip(x, 0, w - 1)
    top, left = int(y), int(x)
    below, right = min(top + 1, h - 1), min(left + 1, w - 1)
    v, u = y - top, x - left
    upper = image[top, left] * (1 - u) + image[top, right] * u
    lower = image[below, left] * (1 - u) + image[below, right] * u
    return upper * (1 - v) + lower * v


def changed(part, r, s, f, t, size):
    """A part of an image, slanted, enlarged, turned and moved, at a size: pixel by pixel."""
    back = np.linalg.inv(forward(r, s, f))
    made = np.empty((size, size, part.shape[2]))
    for i in range(size):
        for j in range(size):
            q = np.array([(j + 0.5) / size - 0.5, (i + 0.5) / size - 0.5])
            x, y = back @ (q - t) + 0.5
            made[i, j] = taken(part, y * part.shape[0] - 0.5, x * part.shape[1] - 0.5)
    return made


def parts(images, boxes):
    for image, box in zip(images, boxes.astype(int), strict=True):
        top, left, h, w = box
        yield image[top : top + h, left : left + w].astype(np.float64)


@pytest.mark.parametrize("case", CASES)
def test_each_change_is_that_of_its_formula(case):
    ranges, key = CASES[case], KEY.fold_in(case).jax()
    maps = draw_maps(key, 6, *ranges.values())
    made = sample(jnp.float32(IMAGES), maps, jnp.float32(BOXES), 13)
    r, s, f, t = numbers(key, 6, ranges)
    for i, part in enumerate(parts(IMAGES, BOXES)):
        expected = changed(part, r[i], s[i], f[i], t[:, i], 13)
        np.testing.assert_allclose(made[i], expected, atol=0.05)
    still = crop_and_resize(jnp.float32(IMAGES), jnp.float32(BOXES), 13, antialias=False)
    assert np.abs(np.asarray(made - still)).mean() > 3


def moved(image, matrix, shift=(0.0, 0.0)):
    """A square image by an inverse map."""
    both = np.concatenate([np.float32(matrix), np.float32(shift)[:, None]], axis=1)
    n = len(image)
    box = jnp.float32([[0, 0, n, n]])
    return np.asarray(sample(jnp.float32(image)[None], jnp.float32(both)[None], box, n)[0])


def test_whole_pixels_and_right_angles_lose_nothing():
    image = IMAGES[0, :, :20].astype(np.float32)
    quarter = np.linalg.inv(forward(np.pi / 2, 0, 1))
    np.testing.assert_allclose(moved(image, quarter), np.rot90(image), atol=2e-3)
    down = moved(image, np.eye(2), (0.0, -3 / 20))
    np.testing.assert_allclose(down[3:], image[:-3], atol=2e-3)
    np.testing.assert_allclose(down[:3], np.broadcast_to(image[:1], (3, 20, 3)), atol=2e-3)
    right = moved(image, np.eye(2), (-2 / 20, 0.0))
    np.testing.assert_allclose(right[:, 2:], image[:, :-2], atol=2e-3)
    slanted = moved(image, np.linalg.inv(forward(0, 1.0, 1)))
    # Half a pixel below the middle a row moves by half a pixel, and one further on by one more.
    expected = (image[12, 16] + image[12, 17]) / 2
    np.testing.assert_allclose(slanted[12, 19], expected, atol=2e-3)


def test_what_is_drawn_is_uniform_and_an_images_own():
    n = 4000
    maps = np.asarray(draw_maps(KEY.fold_in("many").jax(), n, *RANGES.values()), np.float64)
    ahead = np.linalg.inv(maps[:, :, :2])
    # Ahead is f [[cos, s cos + sin], [-sin, cos - s sin]]: f^2 its determinant, s its shear.
    f = np.sqrt(np.linalg.det(ahead))
    r = np.arctan2(-ahead[:, 1, 0], ahead[:, 0, 0])
    s = (ahead[:, :, 0] * ahead[:, :, 1]).sum(1) / f**2
    t = -np.einsum("nij,nj->ni", ahead, maps[:, :, 2])
    found = {
        "rotation": np.rad2deg(r),
        "shear": s,
        "scale": f - 1,
        "translation": t[:, 0],
        "down": t[:, 1],
    }
    for name, values in found.items():
        delta = RANGES["translation" if name == "down" else name]
        assert np.abs(values).max() <= delta * (1 + 1e-3)
        for share in (0.05, 0.25, 0.5, 0.75, 0.95):
            expected = delta * (2 * share - 1)
            assert np.quantile(values, share) == pytest.approx(expected, abs=0.05 * delta), name
    together = np.corrcoef(list(found.values()))
    assert np.abs(together - np.eye(5)).max() < 0.06


def test_one_sampling_takes_original_pixels_where_nothing_shrinks():
    """Crop and change at once, in the place of one after the other."""
    key = KEY.fold_in("one").jax()
    r, s, f, t = numbers(jax.random.fold_in(key, augment_module._AFFINE), 6, RANGES)
    for how, size in ((DEFAULT, 26), (BILINEAR, 26), (BILINEAR, 9)):
        made = np.asarray(compiled(key, IMAGES, ALL, BOXES, size=size, images=how))
        for i, part in enumerate(parts(IMAGES, BOXES)):
            expected = changed(part, r[i], s[i], f[i], t[:, i], size) / 127.5 - 1
            np.testing.assert_allclose(made[i], expected, atol=1e-3)


def test_what_shrinks_is_filtered_first():
    key = KEY.fold_in("two").jax()
    made = np.asarray(compiled(key, IMAGES, ALL, BOXES, size=8, images=DEFAULT))
    small = np.asarray(
        crop_and_resize(jnp.float32(IMAGES), jnp.float32(BOXES), 8, antialias=True), np.float64
    )
    r, s, f, t = numbers(jax.random.fold_in(key, augment_module._AFFINE), 6, RANGES)
    for i in range(6):
        expected = changed(small[i], r[i], s[i], f[i], t[:, i], 8) / 127.5 - 1
        np.testing.assert_allclose(made[i], expected, atol=1e-3)


@pytest.mark.parametrize("how", [DEFAULT, BILINEAR], ids=["antialias", "bilinear"])
@pytest.mark.parametrize(("boxes", "size"), [(None, 20), (BOXES, 8), (BOXES, 26)])
def test_a_hair_of_a_turn_is_nearly_none(how, boxes, size):
    images = IMAGES[:, :, :20] if boxes is None else IMAGES
    hair = FLIP._replace(rotation=np.float32(1e-4))
    made, plain = (
        np.asarray(compiled(KEY.jax(), images, a, boxes, size=size, images=how))
        for a in (hair, FLIP)
    )
    np.testing.assert_allclose(made, plain, atol=2e-3)
    assert (made != plain).any()


@pytest.mark.parametrize(("boxes", "size"), [(None, 20), (BOXES, 8), (BOXES, 26)])
def test_off_is_the_same_bits_as_without(boxes, size):
    """Against the pipeline as it was before there were these changes."""

    @jax.jit
    def before(key, x, a, box_Bx4):
        keys = jax.random.split(key, 6)
        x = x.astype(jnp.float32) * (1.0 / 255.0) + 0.0
        if box_Bx4 is not None:
            x = crop_and_resize(x, box_Bx4, size, antialias=True)
        mirrored = jax.random.bernoulli(keys[1], 0.5, (6,)) & a.flip
        x = jnp.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
        x = augment_module._recoloured(keys, x, a, None, DEFAULT)
        return jnp.clip(x * 2.0 - 1.0, -1.0, 1.0)

    images = IMAGES[:, :, :20] if boxes is None else IMAGES
    got = compiled(KEY.jax(), images, FLIP, boxes, size=size, images=DEFAULT)
    np.testing.assert_array_equal(got, before(KEY.jax(), images, FLIP, boxes))


def test_other_draws_are_as_they_were():
    """Turned or not, an even ground becomes brighter by the same."""
    even = np.full((64, 12, 12, 1), 128, np.uint8)
    brighter = {"brightness": np.float32(0.2)}
    one, other = (
        np.asarray(compiled(KEY.jax(), even, a._replace(**brighter), size=12, images=DEFAULT))
        for a in (OFF, ALL)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert one.std() > 0.1


@pytest.mark.parametrize("ground", [0, 255])
def test_the_ground_goes_on(ground):
    """A character on white paper gets no black corners, nor one on black white ones."""
    images = np.full((64, 14, 14, 1), ground, np.uint8)
    images[:, 5:9, 5:9] = 255 - ground
    strong = ALL._replace(translation=np.float32(0.25), rotation=np.float32(45))
    made = np.asarray(compiled(KEY.jax(), images, strong, size=14, images=DEFAULT))
    border = np.concatenate([made[:, 0], made[:, -1], made[:, :, 0], made[:, :, -1]], axis=1)
    lies = ground / 127.5 - 1
    assert np.abs(np.median(border, axis=1) - lies).max() < 1e-5
    corners = made[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (np.abs(corners - lies) < 1e-5).all()


def test_a_setting_compiles_nothing_and_a_step_draws_anew():
    prepare = Preparation(single().sharding)

    def shown(a, step):
        batch = Batch(IMAGES, a, KEY.jax(), np.int32(step), BOXES)
        return np.asarray(prepare(batch, (16, 16, 3), DEFAULT))

    first = shown(ALL, 0)
    before = prepare.compiled()  # whatever other tests have compiled
    for name in NAMES:
        assert (shown(OFF._replace(**{name: np.float32(RANGES[name])}), 0) != first).any()
    assert (shown(OFF, 0) != first).any()
    assert (shown(ALL, 1) != first).any()
    np.testing.assert_array_equal(shown(ALL, 0), first)
    assert prepare.compiled() == before
