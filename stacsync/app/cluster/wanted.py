"""Whether Dask still wants what a worker's thread is at: it cannot interrupt a thread, so the thread has to ask."""

from __future__ import annotations

from collections.abc import Callable

_LEAVING = frozenset({"closing", "closed", "failed"})


def still_wanted() -> Callable[[], bool]:
    """Return what tells, at any time, whether the task of this thread is still to go on.

    It is not when its result was given up, or when the worker is told to end and another one takes the task over.
    """
    from distributed import get_worker  # noqa: PLC0415  there is a worker here, thus there is Dask

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled" and worker.status.name not in _LEAVING

    return wanted
