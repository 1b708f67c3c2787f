"""The leaves of a component as the store keeps them: `params/<leaf>`, and what training adds."""

from mu2.models.component import Arrays

PARAMS, TRACE, SECOND_MOMENT = "params", "momentum", "second_moment"
MOMENT_STEPS = "moment_steps"


def to_stored(params: Arrays) -> Arrays:
    """Bare parameters under the names that stored leaves have."""
    return {f"{PARAMS}/{name}": leaf for name, leaf in params.items()}


def from_stored(leaves: Arrays) -> Arrays:
    """The parameters among stored leaves, under their bare names."""
    prefix = f"{PARAMS}/"
    return {k.removeprefix(prefix): v for k, v in leaves.items() if k.startswith(prefix)}
