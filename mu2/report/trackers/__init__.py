"""Trackers of experiments, fed from the committed log: a run of theirs a task, a step a child."""
