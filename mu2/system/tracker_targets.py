"""What a run tells its trackers by: a kind, and where."""

from mu2.errors import Mu2Error, did_you_mean

KINDS = ("csv", "mlflow", "tensorboard", "wandb")
FORM = "KIND:WHERE, as tensorboard:DIR or csv:DIR"


def split_target(target: str) -> tuple[str, str]:
    """The kind of a tracker and where it is, of a target such as `tensorboard:DIR`.

    Raises:
      Mu2Error: there is no such kind, or nothing behind the colon.
    """
    kind, colon, where = target.partition(":")
    if kind not in KINDS:
        raise Mu2Error(
            f"{target!r} names no tracker.", hint=f"{did_you_mean(kind, KINDS)} Write {FORM}."
        )
    if not colon or not where:
        raise Mu2Error(f"{target!r} does not say where to.", hint=f"Write {FORM}.")
    return kind, where
