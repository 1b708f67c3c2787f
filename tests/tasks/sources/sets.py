"""Prepared TFDS sets that a test may change."""

import json
import shlex

from mu2.tasks import TFDS

INFO, FEATURES = "dataset_info.json", "features.json"
TRAIN = "cmaterdb-train.array_record-00000-of-00001"


def of(copied, name="cmaterdb/telugu", **attributes):
    return TFDS(name, data_dir=str(copied[0]), **attributes)


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def command(name, folder):
    code = f"import tensorflow_datasets as tfds; tfds.builder({json.dumps(name)}, data_dir="
    code += f'{json.dumps(str(folder))}, file_format="array_record").download_and_prepare()'
    return f"python -c {shlex.quote(code)}"
