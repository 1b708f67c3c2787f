"""Children to train, for the tests of training and of models."""

from mu2.models.leaves import to_stored
from mu2.training import Job

# What µ2Net's defaults are, but without augmentation.
PLAIN = {
    "learning_rate": 0.1, "schedule": "cosine", "warmup_ratio": 0.05, "momentum": 0.9,
    "nesterov": False, "crop": False, "area_min": 1.0, "aspect_min": 1.0, "flip": False,
    "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0,
}  # fmt: skip


def job(network, hyperparameters, train, validation, num_classes, key, trained=None, arrays=None):
    """A child with fresh parameters, or those given; all its components are trained, or some."""
    names = [component.name for component in network]
    fresh = {c.name: to_stored(c.init(key.fold_in("init", c.name).jax())) for c in network}
    return Job(
        network=network,
        arrays=fresh if arrays is None else arrays,
        trainable=frozenset(names if trained is None else trained),
        ids={name: name for name in names},
        hyperparameters=hyperparameters,
        train=train,
        validation=validation,
        num_classes=num_classes,
        key=key,
        score_to_reach=None,
        score=float,
    )
