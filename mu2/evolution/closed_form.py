"""Closed-form heads: which children need no gradient, as their head alone is solved, and the cost.

Source: ridge regression on the features of a frozen network, as in RanPAC (McDonnell et al.,
NeurIPS 2023), without its random projection; not in the µNet papers.
"""

# Ridge strengths to choose from, as shares of the mean variance of the features.
STRENGTHS = tuple(10.0**exponent for exponent in (-5, -4.5, -4, -3.5, -3, -2.5, -2, -1.5, -1))
# Of so many training examples one is held out, to choose the strength by.
HOLD_OUT = 5


def solving_flops(
    forward: float, head_size: int, num_classes: int, solved_on: int, validated_on: int
) -> float:
    """Floating-point operations of a child whose head is solved.

    A forward pass over all examples; for each training example the products of D features, a
    constant among them, with each other and with C classes; for each strength the logits of what
    is held out; and a system of D equations for each strength, and one more for the chosen one.

    Args:
      forward: of its forward pass for one example.
      head_size: parameters of its head, D C.
      num_classes: C.
      solved_on: training examples.
      validated_on: validation examples.
    """
    width, tried = head_size / num_classes, len(STRENGTHS)
    products = 2 * width * (width + num_classes) * solved_on
    logits = 2 * width * num_classes * tried * (solved_on // HOLD_OUT)
    system = 2 / 3 * width**3 + 2 * width**2 * num_classes
    return forward * (solved_on + validated_on) + products + logits + system * (tried + 1)
