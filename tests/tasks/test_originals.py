"""Original images: held whole or read as they are needed, the same parts of the same ones."""

import dataclasses
import io

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import TFDS, Folder, HuggingFace, Images, Joined, Task
from mu2.tasks.crop import draw_boxes
from mu2.tasks.image import resize, resize_bilinear
from mu2.tasks.originals import LARGEST, InMemoryOriginals, StreamedOriginals, load_originals
from mu2.tasks.reader import Arrays
from mu2.tasks.view import View, Views
from mu2.training.augment import Augmentation
from mu2.training.layout import single
from mu2.training.prepare import Batch, Preparation

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("grain")
KEY = Key.from_seed(7)
SHAPE = (16, 16, 3)
SIZES = [(40, 60), (60, 40), (33, 33)]
PUBLISHED = Images(resize="bilinear", colours="unit", colours_before_resize=True)
OFF = Augmentation.of({"crop": True, "area_min": 0.3, "aspect_min": 0.75})


def smooth(height, width, seed):
    """An image without detail that JPEG or filters would differ in."""
    random = Key.from_seed(seed).numpy()
    coarse = random.integers(0, 256, (1, 4, 4, 3), np.uint8)
    image = Image.fromarray(coarse[0]).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixty JPEG files of three sizes and two classes."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(60):
        place = folder / "train" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth(*SIZES[i % 3], i)).save(place / f"{i}.jpg", quality=95)
    return Task("photos", Folder(str(folder)), validation="train", test="train")


def shown(originals, views, images, steps=4):
    """What the network takes in, float32 [steps, B, S, S, C]."""
    prepare, made, labels = Preparation(single().sharding), [], []
    batches = originals.batches(20, steps, KEY.fold_in("batches"), views)
    for step, batch in enumerate(batches):
        read = Batch(batch.inputs, OFF, KEY.jax(), np.int32(step), batch.boxes)
        made.append(np.asarray(prepare(read, SHAPE, images)))
        labels.append(batch.labels)
    return np.stack(made), np.stack(labels)


@pytest.mark.parametrize("images", [Images(), PUBLISHED], ids=["antialias", "bilinear"])
def test_held_and_read_images_show_the_same_parts(photos, images):
    views = Views(KEY.fold_in("views"), area_min=0.3, aspect_min=0.75)
    held = photos.originals("train", SHAPE, images)
    read = photos.originals("train", SHAPE, images, memory_limit_mb=1)
    assert isinstance(held, InMemoryOriginals)
    assert isinstance(read, InMemoryOriginals)  # a quarter of a MiB
    read = StreamedOriginals(photos.source.reader("train"), SHAPE, images, lambda *_: None, 1 << 20)
    (one, labels), (other, again) = (shown(each, views, images) for each in (held, read))
    np.testing.assert_array_equal(labels, again)
    # Whole grey levels, of 1 / 127.5, and Pillow's filter or OpenCV's.
    assert np.abs(one - other).max() < 2 / 127.5
    assert np.abs(one[0] - one[1]).max() > 0.1
    # The same key, the same bits; another step, another part.
    np.testing.assert_array_equal(shown(read, views, images)[0], other)
    np.testing.assert_array_equal(shown(held, views, images)[0], one)


def test_crops_are_cut_from_the_original_pixels(photos):
    held = photos.originals("train", SHAPE, PUBLISHED)
    assert held.images.shape == (60, 60, 60, 3)
    assert {tuple(size) for size in held.sizes.tolist()} == set(SIZES)
    views = Views(KEY.fold_in("views"), area_min=0.05, aspect_min=0.75)
    made, _ = shown(held, views, PUBLISHED, 1)
    epochs = KEY.fold_in("batches", "epoch", 0).numpy().permutation(60)[:20]
    uniform = views.draw(0, 20).uniform
    sizes = held.sizes[epochs]
    boxes = draw_boxes(uniform, sizes, 0.05, 0.75)
    for i, (top, left, h, w) in zip(epochs, boxes, strict=True):
        part = held.images[i, top : top + h, left : left + w]
        expected = resize_bilinear(part[None], 16)[0] / 127.5 - 1
        found = made[0, list(epochs).index(i)]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    # From images that were first reduced to the network's size the parts would be others.
    top, left, h, w = boxes[0]
    small = resize(held.images[epochs[0], None, : sizes[0][0], : sizes[0][1]], 16)
    rows, columns = 16 / sizes[0]
    part = small[
        :,
        int(top * rows) : max(int((top + h) * rows), int(top * rows) + 1),
        int(left * columns) : max(int((left + w) * columns), int(left * columns) + 1),
    ]
    assert np.abs(resize_bilinear(part, 16)[0] / 127.5 - 1 - made[0, 0]).max() > 0.02


def test_a_side_longer_than_four_times_the_networks_is_held_shorter():
    images = [smooth(9, 500, 0), smooth(300, 20, 1)]
    held = load_originals(Arrays(images, np.zeros(2)), 8, 3, 1 << 20)
    assert held.stored_sizes.tolist() == [[9, 8 * LARGEST], [8 * LARGEST, 20]]
    assert held.sizes.tolist() == [[9, 500], [300, 20]]
    assert held.images.shape == (2, 32, 32, 3)
    (batch,) = held.batches(2, 1, KEY, Views(KEY))
    np.testing.assert_allclose(sorted(map(tuple, batch.boxes[:, 2:])), [(9, 32), (32, 20)])
    assert load_originals(Arrays(images, np.zeros(2)), 8, 3, 2 * 32 * 32 * 3 - 1) is None


def test_grey_images_are_held_grey_and_colours_become_luma_for_a_grey_network():
    grey, colour = np.full((6, 6, 1), 9, np.uint8), np.full((6, 6, 3), 7, np.uint8)
    assert load_originals(Arrays([grey] * 2, np.zeros(2)), 6, 3, 999).images.shape == (2, 6, 6, 1)
    assert load_originals(Arrays([colour] * 2, np.zeros(2)), 6, 1, 999).images.shape == (2, 6, 6, 1)
    mixed = load_originals(Arrays([grey, colour], np.zeros(2)), 6, 3, 999).images
    assert mixed[:, 0, 0].tolist() == [[9, 9, 9], [7, 7, 7]]


def test_jpeg_comes_before_the_crop_for_held_and_for_read_images(photos):
    views = Views(KEY.fold_in("views"), area_min=0.3, aspect_min=0.75, jpeg_quality=0.9)
    plain = dataclasses.replace(views, jpeg_quality=0.0)
    held = photos.originals("train", SHAPE, PUBLISHED)
    read = StreamedOriginals(
        photos.source.reader("train"), SHAPE, PUBLISHED, lambda *_: None, 1 << 20
    )
    one, other = (shown(each, views, PUBLISHED)[0] for each in (held, read))
    assert np.abs(one - other).max() < 2 / 127.5
    assert np.abs(one - shown(held, plain, PUBLISHED)[0]).max() > 0.1
    np.testing.assert_array_equal(held.images, photos.originals("train", SHAPE, PUBLISHED).images)


def test_colours_of_read_images_change_before_the_resize(photos):
    views = Views(KEY.fold_in("views"), colours={"brightness": 0.2, "hue": 0.0})
    read = StreamedOriginals(
        photos.source.reader("train"), SHAPE, PUBLISHED, lambda *_: None, 1 << 20
    )
    made, _ = shown(read, views, PUBLISHED)
    still, _ = shown(read, Views(KEY.fold_in("views")), PUBLISHED)
    shift = (made - still).mean((2, 3, 4)).ravel()
    drawn = [views.draw_colours(step, 20)["brightness"] for step in range(4)]
    # Where nothing is cut off at black or white the mean moves by what was drawn.
    assert np.corrcoef(shift, np.concatenate(drawn))[0, 1] > 0.95
    assert np.abs(np.concatenate(drawn)).max() <= 0.2


def test_labels_of_read_images_are_looked_at(photos, monkeypatch):
    reader = photos.source.reader("train")
    monkeypatch.setattr(Folder, "num_classes", lambda self: 1)
    with pytest.raises(Mu2Error, match=r"example \d+ of train \(train\) has label 1"):
        photos.originals("train", SHAPE, PUBLISHED)
    assert len(reader) == 60


def test_a_joined_source_shows_what_its_sources_do(photos):
    joined = Joined(photos.source, photos.source).reader("other.train[:9]+train[40:]")
    views = Views(KEY, area_min=0.2, aspect_min=0.5).draw(0, 12)
    indices = [0, 28, 3, 9, 17, 8, 2, 10, 11, 12, 20, 21]
    parts, labels = joined.view(indices, views)
    images, expected = joined.fetch(indices)
    np.testing.assert_array_equal(labels, expected)
    for part, whole in zip(parts, views.cut(images), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_a_large_photo_is_decoded_smaller_only_where_the_filter_hides_it():
    from mu2.tasks.picture import decode_view

    image = smooth(800, 1200, 3)
    rough = np.clip(image + Key.from_seed(0).numpy().normal(0, 8, image.shape), 0, 255)
    file = io.BytesIO()
    Image.fromarray(rough.astype(np.uint8)).save(file, "JPEG", quality=90)
    whole, smaller = (
        next(decode_view([(file.getvalue(), "x")], View(least=least))) for least in (None, 64)
    )
    assert whole.shape == (800, 1200, 3)
    assert smaller.shape == (100, 150, 3)
    same = next(decode_view([(file.getvalue(), "x")], View(least=401)))
    np.testing.assert_array_equal(same, whole)
    # A side of 32 is at most half of what is left, and comes out as from all the pixels.
    off = resize(whole[None], 32).astype(int) - resize(smaller[None], 32)
    assert np.abs(off).max() <= 4
    assert np.abs(off).mean() < 1


@pytest.mark.parametrize("name", ["cmaterdb/telugu", "mnist", "omniglot"])
def test_parts_of_a_tfds_set_are_those_of_its_images(tfds_dir, name):
    pytest.importorskip("tensorflow_datasets")
    reader = TFDS(name, data_dir=str(tfds_dir)).reader("test[:30]")
    indices = [3, 29, 0, 11]
    images, expected = reader.fetch(indices)
    for jpeg_quality, opencv in ((0.0, False), (0.0, True), (0.2, False)):
        views = Views(KEY, area_min=0.2, aspect_min=0.5, jpeg_quality=jpeg_quality)
        view = views.draw(1, len(indices), opencv=opencv)
        parts, labels = reader.view(indices, view)
        np.testing.assert_array_equal(labels, expected)
        for part, whole in zip(parts, view.cut(images), strict=True):
            np.testing.assert_array_equal(part, whole)


def test_parts_of_a_hugging_face_set_are_those_of_its_images(tmp_path):
    datasets = pytest.importorskip("datasets")
    files = []
    for i in range(6):
        file = io.BytesIO()
        Image.fromarray(smooth(*SIZES[i % 3], i)).save(file, "JPEG")
        files.append({"bytes": file.getvalue(), "path": None})
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])}
    )
    rows = {"image": files, "label": [0, 1] * 3}
    datasets.Dataset.from_dict(rows, features).save_to_disk(str(tmp_path / "set"))
    reader = HuggingFace(str(tmp_path / "set")).reader("train")
    for opencv in (False, True):
        view = Views(KEY, area_min=0.2, aspect_min=0.5).draw(0, 6, opencv=opencv)
        parts, labels = reader.view(range(6), view)
        images, expected = reader.fetch(range(6))
        np.testing.assert_array_equal(labels, expected)
        for part, whole in zip(parts, view.cut(images), strict=True):
            np.testing.assert_array_equal(part, whole)
