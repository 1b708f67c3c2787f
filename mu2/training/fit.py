"""Whether a layout fits the networks of a run, found out from their shapes alone."""

from collections.abc import Iterable, Iterator

from mu2.errors import Mu2Error, did_you_mean
from mu2.models.component import Component, Network
from mu2.models.inputs import bucket
from mu2.training.layout import BATCH, RULES, WITHIN, Layout


def validate_layout(layout: Layout, networks: Iterable[tuple[str, Network]]) -> Iterator[Mu2Error]:
    """What of a layout does not fit some networks; makes no array.

    Args:
      layout: how the devices are shared out.
      networks: the name of a model and a network of it; looked at where something is split.

    Yields:
      Of each model, each axis that cannot be cut into equal pieces; each axis of a slice that
      nothing is split over; each name in rules of the user's own that no network has.
    """
    if layout.data == layout.model == 1 and layout.rules == RULES:
        return
    used = {*layout.over(BATCH)}
    names = {name for name, _ in RULES}
    models: list[str] = []
    told: set[tuple[str, str | None, int]] = set()
    seen: set[Component] = set()
    for model, network in networks:
        models += [model] if model not in models else []
        for component in network.widen_head(bucket(2)):
            if component in seen:
                continue
            seen.add(component)
            shapes, axes_of = component.shapes, component.axes
            for leaf in sorted(shapes, key=lambda leaf: -shapes[leaf].size):
                axes, shape = axes_of[leaf], shapes[leaf].shape
                names.update(name for name in axes if name is not None)
                over = layout.over(axes)
                used.update(over)
                for name, axis, size in zip(axes, over, shape, strict=True):
                    if axis is None or size % getattr(layout, axis) == 0:
                        continue
                    if (model, name, size) not in told:
                        told.add((model, name, size))
                        yield _uneven(
                            layout, f"{model}'s {component.name}/{leaf}", name, axis, size
                        )
    if not models:
        return  # told elsewhere: none can be built
    for axis in WITHIN:
        if getattr(layout, axis) > 1 and axis not in used:
            yield Mu2Error(
                f"Layout.{axis} is {getattr(layout, axis)}, and nothing is split over it: no pair "
                f"of Layout.rules with {axis!r} fits a batch or {' or '.join(models)}.",
                hint=f"Set Layout.{axis} to 1, and give the devices to Layout.population or "
                "another axis.",
            )
    for name, _ in layout.rules:
        if name not in names:
            yield Mu2Error(
                f"Layout.rules names {name!r}, an axis that no parameter of {' or '.join(models)} "
                "has.",
                hint=did_you_mean(name, names),
            )


def _uneven(layout: Layout, leaf: str, name: str | None, axis: str, size: int) -> Mu2Error:
    """The fault of a dimension that the devices cannot share out."""
    rules = tuple(rule for rule in layout.rules if rule[0] != name)
    return Mu2Error(
        f"Layout.{axis} is {getattr(layout, axis)}, which does not divide axis {name!r} of "
        f"{leaf}: it is {size}.",
        hint=f"Set Layout.{axis} to a divisor of {size}, or keep what has this axis whole: "
        f"Layout.rules = {rules}.",
    )
