"""Sources of examples, one kind a file; each follows the `Source` protocol of `mu2.tasks.task`."""
