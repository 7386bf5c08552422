"""Typed errors. Each says in one line what is wrong, where, and what the user can do about it."""

from pathlib import Path
from typing import ClassVar


class TellframeError(Exception):
    """Base of every error that Tellframe raises on purpose.

    Attributes:
        message: what happened and why, without a full stop at the end.
        advice: what the user can do now, an imperative sentence without a full stop.
        file: the file at fault, if any.
        frame: the frame at fault (display order, from 0), if any.
    """

    exit_status: ClassVar[int] = 2

    def __init__(
        self, message: str, *, advice: str, file: Path | str | None = None, frame: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.file = None if file is None else Path(file)
        self.frame = frame

    def __str__(self) -> str:
        """One line: `FILE, frame N: message. Advice.`"""
        places = []
        if self.file is not None:
            places.append(str(self.file))
        if self.frame is not None:
            places.append(f"frame {self.frame}")
        where = ", ".join(places) + ": " if places else ""
        return " ".join(f"{where}{self.message}. {self.advice}.".split())


class UsageError(TellframeError):
    """The words of a command or the values of a request make no sense."""


class VideoError(TellframeError):
    """A file cannot be opened or understood as a video, an image or an image sequence."""


class FrameUnavailableError(VideoError):
    """A frame cannot be had exactly; no neighbour is ever given in its place."""


class EvidenceChangedError(VideoError):
    """A file is no longer the one that was hashed, or has vanished."""


class WeightsError(TellframeError):
    """Weights or their card are missing, of the wrong shape, or of the wrong hash."""


class DescriptionMissingError(WeightsError):
    """Nothing says how a foreign model is fed and read.

    Attributes:
        template: what to write there.
    """

    def __init__(self, message: str, *, advice: str, file: Path | str, template: str) -> None:
        super().__init__(message, advice=advice, file=file)
        self.template = template


class DeviceError(TellframeError):
    """The wanted device is absent or out of memory."""


class CaseError(TellframeError):
    """A case file cannot be opened, read or written."""


class ExportError(TellframeError):
    """An export could not be written; nothing of it is left behind."""


class DataError(TellframeError):
    """A data set for training or evaluation is missing, incomplete or mixed up."""


class StudyError(TellframeError):
    """A preference study, its clips or its answers are missing, changed or mixed up."""


class SpecificationError(TellframeError):
    """A specification of temporal logic cannot be understood, or speaks of what a trace does not have."""


class CancelledError(TellframeError):
    """The user cancelled the work."""

    exit_status = 130

    def __init__(self, message: str = "Cancelled") -> None:
        super().__init__(message, advice="Start it again to go on where it stopped")


class InternalError(TellframeError):
    """Something went wrong that nobody foresaw: the fault is ours."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        super().__init__(message, advice="This is a fault of Tellframe; please report it with the details")
