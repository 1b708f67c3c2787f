"""MLflow: a run a task, a step a child."""

from collections.abc import Mapping
from typing import Any

from mu2.errors import Mu2Error

_EXPERIMENT = "mu2"
_TASK, _TAKEN = "mu2.task", "mu2.children"
_MOST = 500  # metrics that a server takes at once; its own limit is 1000


class MlflowTracker:
    """Logs to a tracking server or store, in the experiment `mu2`.

    Args:
      where: a tracking URI, as `http://host:5000` or, where SQLAlchemy is installed,
        `sqlite:///runs.db`.

    Raises:
      Mu2Error: mlflow is not installed, or the store cannot be used.
    """

    def __init__(self, where: str):
        try:
            from mlflow.entities import Metric
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise Mu2Error(
                "the tracker of MLflow needs mlflow, which is not installed.",
                hint="pip install 'mu2[mlflow]'",
            ) from error
        self._make_metric = Metric
        try:
            self._client = MlflowClient(tracking_uri=where)
            known = self._client.get_experiment_by_name(_EXPERIMENT)
            self._experiment: str = (
                known.experiment_id if known else self._client.create_experiment(_EXPERIMENT)
            )
            runs = self._client.search_runs([self._experiment], max_results=50_000)
        except MlflowException as error:
            raise Mu2Error(f"mlflow:{where} cannot be used: {error.message}") from error
        self._runs = {r.data.tags[_TASK]: r.info.run_id for r in runs if _TASK in r.data.tags}
        self._taken = {
            r.data.tags[_TASK]: int(r.data.tags.get(_TAKEN, 0))
            for r in runs
            if _TASK in r.data.tags
        }
        self._waiting: dict[str, list[Any]] = {}

    def taken(self, task: str) -> int:
        """See `Tracker`."""
        return self._taken.get(task, 0)

    def take(self, task: str, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        # A step's time is its number: the wall time of a child is not noted.
        made = [self._make_metric(_plain(n), v, step, step) for n, v in values.items()]
        self._waiting.setdefault(task, []).extend(made)
        self._taken[task] = step + 1

    def describe(self, task: str, facts: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        run = self._run(task)
        for name, value in {**facts, **facts["hyperparameters"]}.items():
            if name != "hyperparameters":
                self._client.set_tag(run, _plain(name), str(value))

    def flush(self) -> None:
        """See `Tracker`."""
        for task, metrics in self._waiting.items():
            run = self._run(task)
            for start in range(0, len(metrics), _MOST):
                self._client.log_batch(run, metrics=metrics[start : start + _MOST])
            self._client.set_tag(run, _TAKEN, str(self._taken[task]))
        self._waiting.clear()

    def close(self) -> None:
        """See `Tracker`."""
        self.flush()
        for run in self._runs.values():
            self._client.set_terminated(run)

    def _run(self, task: str) -> str:
        if task not in self._runs:
            tags = {_TASK: task}
            made = self._client.create_run(self._experiment, tags=tags, run_name=task)
            self._runs[task] = made.info.run_id
        return self._runs[task]


def _plain(name: str) -> str:
    """A name that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
