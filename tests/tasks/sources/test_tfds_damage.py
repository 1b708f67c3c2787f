"""TFDS data sets whose files are damaged, missing or of another kind."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mu2.errors import Mu2Error
from tests.tasks.sources.sets import FEATURES, INFO, TRAIN, command, edit, of


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"image_key": "img"}, "no feature 'img', which TFDS.image_key", "Did you mean 'image'?"),
        (
            {"label_key": "Label"},
            "no feature 'Label', which TFDS.label_key",
            "Did you mean 'label'?",
        ),
        ({"label_key": "zzz"}, "no feature 'zzz'", "Known: image, label."),
        ({"image_key": "label"}, "'label', which is ClassLabel and not Image", "kind: image."),
        ({"label_key": "image"}, "'image', which is Image and not ClassLabel", "kind: label."),
    ],
)
def test_a_wrong_feature_is_answered_with_the_right_ones(source, keys, message, hint):
    data = source("cmaterdb/telugu", **keys)
    for call in (data.num_classes, lambda: data.size("train"), lambda: data.read("train", 8)):
        with pytest.raises(Mu2Error, match=message) as caught:
            call()
        assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize("format_", ["tfrecord", None, "riegeli", "some_day"])
def test_another_file_format_is_named_with_the_command_that_mends_it(copied, format_):
    home, version = copied
    # TFDS writes none where it is its default, tfrecord.
    edit(version / INFO, lambda info: info.update(fileFormat=format_))
    if format_ is None:
        edit(version / INFO, lambda info: info.pop("fileFormat"))
    with pytest.raises(Mu2Error, match=f"is prepared as {format_ or 'tfrecord'} in") as caught:
        of(copied).read("train", 8)
    assert str(version) in caught.value.message
    assert caught.value.hint.startswith("Move that folder away and prepare it again")
    assert caught.value.hint.endswith(command("cmaterdb/telugu", home))


@pytest.mark.parametrize("length", [0, 10, 70_000, 0.5, 0.9, -1])
def test_a_file_that_ends_too_soon_is_damage(copied, length):
    home, version = copied
    content = (version / TRAIN).read_bytes()
    whole = of(copied).read("test", 8)
    (version / TRAIN).write_bytes(
        content[: int(length * len(content)) if isinstance(length, float) else length]
    )
    with pytest.raises(Mu2Error, match="'cmaterdb/telugu' is damaged: ") as caught:
        of(copied).read("train", 8)
    assert "\n" not in caught.value.message
    assert caught.value.hint.startswith(f"Remove {version} and prepare it again")
    assert caught.value.hint.endswith(command("cmaterdb/telugu", home))
    # The split in the other file is as good as ever.
    np.testing.assert_array_equal(of(copied).read("test", 8).inputs, whole.inputs)


def test_a_changed_byte_is_damage_and_no_other_picture(copied):
    _, version = copied
    content = bytearray((version / TRAIN).read_bytes())
    content[len(content) // 2] ^= 1
    (version / TRAIN).write_bytes(content)
    with pytest.raises(Mu2Error, match=r"is damaged: .*hash mismatch"):
        of(copied).read("train", 8)


def test_a_missing_file_of_examples_is_damage(copied):
    _, version = copied
    (version / TRAIN).unlink()
    with pytest.raises(Mu2Error, match=f"is damaged: .*{TRAIN}"):
        of(copied).read("train", 8)


@pytest.mark.parametrize("name", [INFO, FEATURES])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"7", b'{"a":', b"\xff\xfe", b"[" * 100_000]
)
def test_a_broken_document_is_damage_and_named(copied, name, content):
    _, version = copied
    (version / name).write_bytes(content)
    with pytest.raises(Mu2Error, match=rf"damaged: \S+/{name} (cannot be read|holds no)") as caught:
        of(copied).size("train")
    assert caught.value.hint.startswith(f"Remove {version}")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (INFO, {"splits": 5}),
        (INFO, {"splits": [{"name": "train", "shardLengths": ["x"]}]}),
        (INFO, {"version": "new"}),
        (FEATURES, {"pythonClassName": "no.such.Features"}),
        (FEATURES, {"featuresDict": {"features": {"label": {"classLabel": {"numClasses": "x"}}}}}),
    ],
)
def test_a_document_with_the_wrong_things_in_it_is_damage(copied, name, change):
    _, version = copied
    edit(version / name, lambda document: document.update(change))
    with pytest.raises(Mu2Error, match=r"damaged: \S+/1\.0\.0 cannot be read \(.+\)\.\n"):
        of(copied).size("train")


def test_shards_that_are_only_declared_take_no_time(copied):
    _, version = copied
    lengths = ["1"] * 500_000
    edit(version / INFO, lambda info: info["splits"][0].update(shardLengths=lengths))
    with pytest.raises(Mu2Error, match=r"declares 500,00\d shards, and \d files are there"):
        of(copied).num_classes()


@pytest.mark.parametrize("number", ["1000001", 10**15])
def test_classes_that_are_only_declared_take_no_room(copied, number):
    _, version = copied
    declared = {"label": {"classLabel": {"numClasses": number}}}
    edit(version / FEATURES, lambda d: d.update({"featuresDict": {"features": declared}}))
    with pytest.raises(Mu2Error, match=r"declares [\d,]+ classes; mu2 reads 1,000,000 at most"):
        of(copied).size("train")


def test_a_set_without_its_info_is_damaged_and_without_features_not_prepared(copied):
    _, version = copied
    (version / INFO).unlink()
    with pytest.raises(Mu2Error, match=f"damaged: .*{INFO} cannot be read"):
        of(copied).size("train")
    (version / FEATURES).unlink()
    with pytest.raises(Mu2Error, match="is not prepared"):
        of(copied).size("train")


def test_images_of_16_bits_are_refused(copied):
    _, version = copied
    edit(
        version / FEATURES,
        lambda f: f["featuresDict"]["features"]["image"]["image"].update(dtype="uint16"),
    )
    with pytest.raises(Mu2Error, match="'image' are uint16, and mu2 reads 8-bit images"):
        of(copied).num_classes()


def test_what_is_no_image_is_named_by_its_place(copied):
    _, version = copied

    def rename(document):
        features = document["featuresDict"]["features"]
        features["picture"] = features.pop("image")

    edit(version / FEATURES, rename)
    with pytest.raises(Mu2Error, match=r"train\[7\] is no image that Pillow can decode"):
        of(copied, image_key="picture").read("train[7:9]", 8)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("dev", "has no split 'dev'"),
        ("train[:2501]", "outside the 2500"),
        ("train[5:5]", "no examples"),
    ],
)
def test_wrong_splits_are_refused_in_the_name_of_the_set(source, split, message):
    data = source("cmaterdb/telugu")
    for call in (data.size, lambda split: data.read(split, 8)):
        with pytest.raises(Mu2Error, match=f"TFDS data set 'cmaterdb/telugu'.*{message}"):
            call(split)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("tensorflow_datasets", "needs tensorflow-datasets"),
        ("array_record", "needs array-record"),
        ("PIL", "needs Pillow"),
    ],
)
def test_without_a_library_the_command_that_installs_it_is_named(tfds_dir, module, message):
    # In a process of its own, since tensorflow_datasets keeps what it has imported.
    code = f"""
import sys
from mu2.errors import Mu2Error
from mu2.tasks import TFDS
sys.modules[{module!r}] = None
try:
    TFDS("cmaterdb/telugu", data_dir={str(tfds_dir)!r}).read("train[:2]", 8)
except Mu2Error as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert f"'cmaterdb/telugu' {message}" in said
    assert "pip install 'mu2[tfds]'" in said


def test_no_tensorflow_is_imported_to_read(tfds_dir):
    code = f"""
import sys
from mu2.tasks import TFDS
assert len(TFDS("omniglot", data_dir={str(tfds_dir)!r}).read("small1[:2]", 8)) == 2
sys.exit(bool({{"tensorflow", "jax"}} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_white_of_another_value_becomes_255(source):
    """Pixels of Omniglot's one-bit images, 0 and 255, stand in for dSprites' 0 and 1."""
    bits = source("omniglot").reader("small1[:2]").fetch([0, 1])[0]
    tiny = source("omniglot", brightest=1)
    for image in bits:
        encoded = io.BytesIO()
        Image.fromarray(image[..., 0] // 255).save(encoded, "PNG")
        np.testing.assert_array_equal(tiny._decode(encoded.getvalue(), "L", "x"), image[..., :1])


def test_a_pixel_brighter_than_white_is_refused(source):
    with pytest.raises(Mu2Error, match=r"a pixel of 255, and TFDS\.brightest is 1"):
        source("mnist", brightest=1).read("test[:1]", 28)
    with pytest.raises(Mu2Error, match="does not divide 255"):
        source("mnist", brightest=2)
