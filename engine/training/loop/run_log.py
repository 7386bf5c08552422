"""What a run tells of itself while it goes on: one line of JSON per event, and TensorBoard's event file.

The lines are written always. TensorBoard's file needs tensorboardX, the extra `tensorboard`, which writes
the format with nothing but protobuf; torch's own writer wants all of TensorBoard with its web server.
"""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAME = "log.jsonl"


class RunLog:
    """The log of a run in its folder; a context manager. Lines are added, never changed: a run that is taken up
    again says so, and the validations after that line replace those of the same step before it.
    """

    def __init__(self, folder: Path, *, from_step: int) -> None:
        """Add to the log of the folder; TensorBoard forgets what came after `from_step`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME
        self._board: Any = None
        if importlib.util.find_spec("tensorboardX") is not None:
            from tensorboardX import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=from_step + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            self._board.close()

    def event(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        """One line: {"event": name, "step": step, ...}."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": name, "step": step, **values}) + "\n")

    def validation(self, record: Mapping[str, Any], speed: Mapping[str, float]) -> None:
        """A validation with its losses, figures and rates, in both logs."""
        self.event("validation", record["step"], {**record, **speed})
        if self._board is None:
            return
        scalars = {
            "loss/all": record["loss"],
            **{f"loss/{name}": value for name, value in record["losses"].items()},
            **{f"validation/{name}": value for name, value in record["aucs"].items()},
            "learning rate": record["learning_rate"],
            **speed,
        }
        for name, value in scalars.items():
            self._board.add_scalar(name.replace(" ", "_"), value, record["step"])
        self._board.flush()
