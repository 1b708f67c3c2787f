"""The kinds of charts, by the names that `mu2 plot` takes."""

OF_SYSTEM = (
    *("flow", "descent", "sharing", "matrix", "parameters", "share", "size", "depth", "time"),
    *("flops", "spent"),
)
OF_TASK = ("curves", "scores", "learning", "lineage", "classes", "confusion")
OF_SEVERAL = ("comparison", "efficiency")
KINDS = ("graph", "growth", *OF_SYSTEM, "course", *OF_TASK, *OF_SEVERAL)
