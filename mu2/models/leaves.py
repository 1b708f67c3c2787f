"""The leaves of a component as the store keeps them: `params/<leaf>`, and `momentum/<leaf>`."""

from mu2.models.component import Arrays

PARAMS, TRACE = "params", "momentum"


def to_stored(params: Arrays) -> Arrays:
    """Bare parameters under the names that stored leaves have."""
    return {f"{PARAMS}/{name}": leaf for name, leaf in params.items()}


def from_stored(leaves: Arrays) -> Arrays:
    """The parameters among stored leaves, under their bare names."""
    prefix = f"{PARAMS}/"
    return {k.removeprefix(prefix): v for k, v in leaves.items() if k.startswith(prefix)}
