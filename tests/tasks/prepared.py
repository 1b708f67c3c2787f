"""Small TFDS sets in ArrayRecord form, written as `download_and_prepare` leaves them."""

import io
import json

import numpy as np
from PIL import Image


def png(pixels):
    """An image as a file, which needs no TensorFlow to be encoded."""
    encoded = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(encoded, "PNG")
    encoded.seek(0)
    return encoded


def write(folder, name, version, features, splits):
    """A set in a TFDS folder, of one file a split.

    Args:
      folder: the TFDS folder.
      name: of the set, with its kind if it has several.
      version: as in '2.0.0'.
      features: `tfds.features.FeaturesDict`.
      splits: by name, the examples; images as `png` makes them.
    """
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    home, (builder, _, kind) = folder / name / version, name.partition("/")
    home.mkdir(parents=True)
    serializer = ExampleSerializer(features.get_serialized_info())
    infos = []
    for split, examples in splits.items():
        file = home / f"{builder}-{split}.array_record-00000-of-00001"
        writer = ArrayRecordWriter(str(file), "group_size:1")
        for example in examples:
            writer.write(serializer.serialize_example(features.encode_example(example)))
        writer.close()
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        sizes = {"numBytes": str(file.stat().st_size), "shardLengths": [str(len(examples))]}
        infos.append({"filepathTemplate": template, "name": split, **sizes})
    info = {"fileFormat": "array_record", "name": builder, "splits": infos, "version": version}
    info |= {"configName": kind} if kind else {}
    (home / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    features.save_config(home)


def pictures(n, seed, shape=(12, 10, 3)):
    """n images of noise, uint8 [H, W, C] each."""
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 256, shape, dtype=np.uint8) for _ in range(n)]
