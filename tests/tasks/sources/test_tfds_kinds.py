"""Sets of the kinds that µ2Net+ has: labels by split, of several levels, with masks and boxes."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Joined, Task
from tests.tasks.prepared import pictures, png, write

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")

PHOTO = tfds.features.Image(shape=(None, None, 3))


def test_the_pictures_of_two_splits_are_told_apart_by_their_split(tmp_path):
    """As cycle_gan: all of trainA and testA are of class A."""
    sizes = {"trainA": 20, "trainB": 33, "testA": 4, "testB": 3}
    all_pictures = {split: pictures(n, seed) for seed, (split, n) in enumerate(sizes.items())}
    label = tfds.features.ClassLabel(names=["A", "B"])
    examples = {
        split: [{"image": png(each), "label": split[-1]} for each in some]
        for split, some in all_pictures.items()
    }
    features = tfds.features.FeaturesDict({"image": PHOTO, "label": label})
    write(tmp_path, "cycle_gan/maps", "2.0.0", features, examples)
    source = TFDS("cycle_gan/maps:2.0.0", data_dir=str(tmp_path))
    task = Task(
        "cycle_gan/maps",
        source,
        train="trainA[10%:]+trainB[10%:]",
        validation="trainA[:10%]+trainB[:10%]",
        test="testA+testB",
    )
    assert source.class_names() == ("A", "B")
    assert task.check() == {"train": 18 + 30, "validation": 2 + 3, "test": 7}
    assert task.read("train", (8, 8, 3)).labels.tolist() == [0] * 18 + [1] * 30
    assert task.read("validation", (8, 8, 3)).labels.tolist() == [0] * 2 + [1] * 3
    reader = source.reader("testA+testB")
    images, labels = reader.fetch(range(7))
    assert labels.tolist() == reader.labels().tolist() == [0] * 4 + [1] * 3
    for found, wanted in zip(images, all_pictures["testA"] + all_pictures["testB"], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_label_may_be_one_of_several_levels(tmp_path):
    """As stanford_online_products, whose products are of 12 kinds."""
    kinds = [f"kind {i}" for i in range(3)]
    features = tfds.features.FeaturesDict(
        {
            "class_id": tfds.features.ClassLabel(num_classes=40),
            "super_class_id": tfds.features.ClassLabel(names=kinds),
            "super_class_id/num": tfds.features.ClassLabel(num_classes=3),
            "image": PHOTO,
        }
    )
    examples = [
        {"class_id": i, "super_class_id": i % 3, "super_class_id/num": i % 3, "image": png(each)}
        for i, each in enumerate(pictures(40, 0))
    ]
    splits = {"train": examples[:24], "test": examples[24:]}
    write(tmp_path, "stanford_online_products", "1.0.0", features, splits)
    source = TFDS(
        "stanford_online_products:1.0.0", data_dir=str(tmp_path), label_key="super_class_id"
    )
    task = Task("products", source, validation="test[:10]", test="test[10:]")
    assert source.class_names() == tuple(kinds)
    assert task.check() == {"train": 24, "validation": 10, "test": 6}
    assert task.read("test", (8, 8, 3)).labels.tolist() == [i % 3 for i in range(34, 40)]


def test_masks_boxes_and_texts_beside_the_image_are_no_matter(tmp_path):
    """As caltech_birds2010 and stanford_dogs."""
    box = tfds.features.BBoxFeature()
    features = tfds.features.FeaturesDict(
        {
            "image": PHOTO,
            "image/filename": tfds.features.Text(),
            "label": tfds.features.ClassLabel(num_classes=200),
            "bbox": box,
            "objects": tfds.features.Sequence({"bbox": box}),
            "segmentation_mask": tfds.features.Image(shape=(None, None, 1)),
        }
    )
    whole = tfds.features.BBox(0.0, 0.0, 1.0, 1.0)
    birds, masks = pictures(6, 0), pictures(6, 1, (12, 10, 1))
    examples = [
        {
            "image": png(bird),
            "image/filename": f"{i}.jpg",
            "label": 7 * i,
            "bbox": whole,
            "objects": [{"bbox": whole}] * i,
            "segmentation_mask": png(mask),
        }
        for i, (bird, mask) in enumerate(zip(birds, masks, strict=True))
    ]
    write(tmp_path, "birds", "0.1.1", features, {"train": examples})
    reader = TFDS("birds", data_dir=str(tmp_path)).reader("train")
    images, labels = reader.fetch(range(6))
    # What nobody looks at is not decoded either.
    assert isinstance(reader._undecoded([3])[0][2]["segmentation_mask"], bytes)
    assert labels.tolist() == [0, 7, 14, 21, 28, 35]
    for found, wanted in zip(images, birds, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_another_set_validates_with_the_version_that_each_name_pins(tmp_path):
    """As cifar10_1, which validates cifar10."""
    features = tfds.features.FeaturesDict(
        {"image": PHOTO, "label": tfds.features.ClassLabel(num_classes=10)}
    )

    def examples(n, seed):
        return [{"image": png(each), "label": i % 10} for i, each in enumerate(pictures(n, seed))]

    for version, n in (("3.0.2", 20), ("3.1.0", 50)):
        splits = {"train": examples(n, 0), "test": examples(3, 2)}
        write(tmp_path, "cifar10", version, features, splits)
    write(tmp_path, "cifar10_1/v4", "1.1.0", features, {"test": examples(7, 1)})
    own, other = (
        TFDS(name, data_dir=str(tmp_path)) for name in ("cifar10:3.0.2", "cifar10_1/v4:1.1.0")
    )
    task = Task("cifar10", Joined(own, other), validation="other.test")
    assert task.check() == {"train": 20, "validation": 7, "test": 3}
    found = task.read("validation", (12, 12, 3))
    np.testing.assert_array_equal(found.inputs, other.read("test", 12).inputs)
    with pytest.raises(Mu2Error, match="has no version 4") as caught:
        TFDS("cifar10_1/v4:4.0.0", data_dir=str(tmp_path)).size("test")
    assert "'cifar10_1/v4' takes" in caught.value.hint
