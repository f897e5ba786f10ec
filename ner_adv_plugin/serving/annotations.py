"""Annotations that Label Studio sends, kept in a file that readers of corpora read."""

import json
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.common.files import write_json

CREATED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED")
DELETED = ("ANNOTATION_DELETED", "ANNOTATIONS_DELETED")


class AnnotationFile:
    """A JSON file of tasks with their annotations, like an export of Label Studio.

    The whole file is written anew at each change, atomically: it is never half written. The reader
    `annotations` and `allennlp convert` read it.

    # Parameters

    path : the file; an existing one is continued.

    # Raises

    DataError : if the existing file is not a list of tasks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._tasks: dict[tuple[Any, Any], dict[str, Any]] = {}
        if path.exists():
            for task in self._read():
                self._tasks[task.get("project"), task["id"]] = task

    def _read(self) -> list[dict[str, Any]]:
        expected = "a JSON list of tasks of Label Studio"
        try:
            tasks = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(self.path, None, str(error), expected) from error
        if not isinstance(tasks, list) or not all(
            isinstance(task, dict) and "id" in task and isinstance(task.get("annotations"), list)
            for task in tasks
        ):
            raise DataError(self.path, None, tasks, expected)
        return tasks

    def keep(
        self, project: Any, task: dict[str, Any], annotations: Iterable[dict[str, Any]]
    ) -> None:
        """Add annotations to a task, in place of earlier ones with the same id.

        # Parameters

        project : id of the project.
        task : the task, with "id" and "data".
        annotations : the annotations, with "id" and "result".
        """
        with self._lock:
            known = self._tasks.get((project, task["id"]), {"annotations": []})
            by_id = {annotation.get("id"): annotation for annotation in known["annotations"]}
            by_id.update({annotation.get("id"): annotation for annotation in annotations})
            self._write(
                {
                    **self._tasks,
                    (project, task["id"]): {
                        "id": task["id"],
                        "project": project,
                        "data": task["data"],
                        "annotations": list(by_id.values()),
                    },
                }
            )

    def remove(self, project: Any, ids: Iterable[Any]) -> None:
        """Remove annotations of a project by their ids, and tasks that have no other."""
        gone = set(ids)
        with self._lock:
            left = {}
            for key, task in self._tasks.items():
                kept = [
                    annotation
                    for annotation in task["annotations"]
                    if key[0] != project or annotation.get("id") not in gone
                ]
                if kept:
                    left[key] = {**task, "annotations": kept}
            self._write(left)

    def _write(self, tasks: dict[tuple[Any, Any], dict[str, Any]]) -> None:
        write_json(self.path, list(tasks.values()))
        self._tasks = tasks
