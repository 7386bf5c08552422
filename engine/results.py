"""The frozen types that cross rooms and threads.

Conventions everywhere: label 1 = fake, 0 = real; a positive explanation value supports fake, a negative one
supports real; frames are counted from 0 in display order; spans are inclusive pairs (first, last); pictures are
RGB uint8 (H, W, 3) as displayed (rotation applied); coordinates are (x, y) in pixels of the frame as displayed,
continuous, with (0, 0) at the outer corner of the first pixel, so that its centre is (0.5, 0.5).
Arrays held by these types are read-only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


Scalar = TypeVar("Scalar", bound=np.generic)


def frozen(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """The same array, C-contiguous and read-only."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def empty() -> Mapping[str, object]:
    """An empty read-only mapping, for the defaults of frozen types."""
    return MappingProxyType({})


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def canonical(settings: Mapping[str, object]) -> str:
    """Settings as JSON with sorted keys: one text for equal settings, whatever kind of mapping holds them."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), default=_plain)


def settings_hash(settings: Mapping[str, object]) -> str:
    """SHA-256 of settings in canonical JSON: the last part of the key under which a result is stored."""
    return hashlib.sha256(canonical(settings).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class VideoIdentity:
    """What names one piece of evidence.

    Attributes:
        path: where it was opened, absolute: a case may be used from any folder.
        sha256: of the file's bytes; of the sorted per-file hashes for an image sequence.
        size: bytes.
        frames: number of frames, damaged ones included.
        seconds: duration from the first frame's time to the end of the last one.
        variable_rate: whether frame spacing varies.
        width, height: of the frame as displayed, pixels.
        time_base: seconds per pts unit.
    """

    path: str
    sha256: str
    size: int
    frames: int
    seconds: float
    variable_rate: bool
    width: int
    height: int
    time_base: Fraction


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is needed to make a result again, bit for bit on the same device, threads and versions."""

    component: str
    weights_sha256: str
    settings: Mapping[str, object]
    device: str
    precision: str
    versions: Mapping[str, str]
    seed: int | None = None

    @property
    def settings_hash(self) -> str:
        return settings_hash(self.settings)


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face through time, without the frames in which it was not seen.

    Attributes:
        id: from 0, by first appearance and then from left to right.
        frames: (N,) int64, strictly increasing; a missing number is a gap.
        boxes: (N, 4) float32 x0, y0, x1, y1, smoothed.
        landmarks: (N, 5, 2) float32: left eye, right eye, nose, left and right corner of the mouth, as seen.
        scores: (N,) float32 in [0, 1], of the detection (interpolated in between).
        detected: (N,) bool, True where the detector itself ran and found it.
        raw_boxes: (N, 4) float32, before smoothing (interpolated where not detected).
    """

    id: int
    frames: IntArray
    boxes: FloatArray
    landmarks: FloatArray
    scores: FloatArray
    detected: BoolArray
    raw_boxes: FloatArray

    def __len__(self) -> int:
        return len(self.frames)

    def row(self, frame: int) -> int | None:
        """Row of a frame, None where the face is not seen. O(log N)."""
        at = int(np.searchsorted(self.frames, frame))
        return at if at < len(self.frames) and self.frames[at] == frame else None


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How a detector wants its faces.

    Attributes:
        size: side of the square crop, pixels.
        margin: share of the box's larger side added on each side (0 = as P002).
        aligned: whether a similarity transform brings the five landmarks to their mean place.
    """

    size: int
    margin: float = 0.0
    aligned: bool = False


EXCLUDED = "excluded_prototypes"
"""The setting that names the prototypes which had no say in a result; absent where all had their say."""


def excluded_words(count: int) -> str:
    """How everything that was made without some prototypes tells of it: "2 prototypes excluded"."""
    return f"{count} prototype{'s' * (count != 1)} excluded"


@dataclass(frozen=True, slots=True)
class Scores:
    """What one detector says of one track.

    Attributes:
        track_id: the FaceTrack.
        spans: (N, 2) int64, inclusive, sorted, in frames.
        fake_probability: (N,) float32 in [0, 1], uncalibrated unless the card says otherwise.
        logits: (N,) float32, of fake against real.
        activations: named series, each (N, K) float32.
    """

    detector_id: str
    track_id: int
    spans: IntArray
    fake_probability: FloatArray
    logits: FloatArray
    provenance: Provenance
    activations: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def track_probability(self) -> float:
        """Mean of the spans' probabilities (P002); nan without a span."""
        return float(self.fake_probability.mean(dtype=np.float64)) if len(self.fake_probability) else float("nan")

    @property
    def excluded(self) -> tuple[str, ...]:
        """Names of the prototypes that had no say in them."""
        names = self.provenance.settings.get(EXCLUDED, ())
        return tuple(str(name) for name in names) if isinstance(names, list | tuple) else ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What each map took when it was made.

    Attributes:
        passes: (F,) int64, crops that went forward through the network; a backward pass is time alone.
        seconds: (F,) float32, without what came in between.
    """

    passes: IntArray
    seconds: FloatArray


@dataclass(frozen=True, slots=True)
class Sanity:
    """Whether maps of an explainer hang on what its detector has learnt: the badge that every map carries.

    Attributes:
        verdict: passes, weak, fails or not measured.
        reason: what was measured, on what, and what it means.
    """

    verdict: str
    reason: str


NOT_MEASURED = Sanity(
    "not measured",
    "Nobody has measured whether this map hangs on what the network has learnt: not for these weights, this "
    "explainer and its settings.",
)


@dataclass(frozen=True, slots=True)
class Volumes:
    """Regions through the frames of an explanation, each with a value of its own on every frame that shows it.

    Attributes:
        labels: (F, h, w) int32, the region of each cell, from 0.
        frames: (V,) int64, how many of the frames show a region.
        mean, variance: (V,) float64 of its values over these frames, the population variance.
    """

    labels: npt.NDArray[np.int32]
    frames: IntArray
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one detector scored one track as it did, on some frames.

    Attributes:
        frames: (F,) int64.
        pts: (F,) int64.
        values: (F, h, w) float32 at the explainer's native resolution, unscaled; positive supports fake.
        affine: (F, 2, 3) float32, from continuous map coordinates to continuous frame coordinates.
        logits: (F,) float32, the score that is explained.
        signed: False where negative values cannot occur (attention).
        cost: None where it was not measured.
        sanity: as known when it was made or looked up; not stored with it.
        title: what stands over a map, the explainer's id if empty.
        errors: (F, h, w) float32 standard errors of values that are estimated by sampling, inf where they cannot
            be told; None for all others.
        volumes: where regions through the frames got a value on each frame, else None.
    """

    explainer_id: str
    detector_id: str
    track_id: int
    frames: IntArray
    pts: IntArray
    values: FloatArray
    affine: FloatArray
    logits: FloatArray
    signed: bool
    provenance: Provenance
    cost: Cost | None = None
    errors: FloatArray | None = None
    title: str = ""
    sanity: Sanity = NOT_MEASURED
    volumes: Volumes | None = None

    @property
    def smoothing(self) -> str:
        """How the explainer smoothed its maps: "none", or in a word."""
        return str(self.provenance.settings.get("smoothing", "none"))


Verdict = Literal["satisfied", "violated", "not applicable"]


@dataclass(frozen=True, slots=True)
class WitnessPoint:
    """What one time, or one prototype, of a formula stood for where its value was decided.

    Attributes:
        names: its variables; none for a time that the formula does not freeze.
        step: of the trace, from 0; None for a prototype.
        frame: that the step looks at; None for a prototype.
        prototype: its name, None for a time.
    """

    names: tuple[str, ...]
    step: int | None
    frame: int | None
    prototype: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """Where the value of a formula comes from: the outermost time and prototype, and all of them in `points`."""

    step: int
    frame: int
    prototype: str | None
    points: tuple[WitnessPoint, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking one specification on one trace gave (P000 App. B, at the first step).

    Attributes:
        formula: as text, in Unicode.
        parameters: their values by name.
        own_class: the class whose instance was checked, fake or real; None where there is but one.
        predicted: Class(V), None where nothing was predicted.
        verdict: `not applicable` where the formula holds because of the predicted class alone.
        robustness: above 0 if and only if the formula holds; infinite where no value of the video takes part.
        witness: None for an infinite robustness.
    """

    specification: str
    formula: str
    parameters: Mapping[str, float]
    own_class: str | None
    predicted: str | None
    verdict: Verdict
    robustness: float
    witness: Witness | None

    @property
    def undecided(self) -> bool:
        """Exactly 0: not satisfied by App. B, but neither is the negation."""
        return self.robustness == 0

    @property
    def vacuous(self) -> bool:
        """Satisfied without any value of the video taking part."""
        return self.verdict == "satisfied" and self.robustness == float("inf")


@dataclass(frozen=True, slots=True)
class PrototypeSource:
    """The patch of a training clip that a prototype is (P000 eq 8): pointers, no picture.

    Attributes:
        clip: the video, as its data set names it.
        frame: the first of the clip's frames.
        crop: x0, y0, x1, y1 of the clip's crop, pixels of the frame.
        cell: row and column of the patch in the network's map.
        box: x0, y0, x1, y1 of what the prototype recognises there, pixels of the frame.
        distance: squared, from the prototype as it had been learnt to this patch.
        operator: what forged the clip, empty for real ones.
    """

    clip: str
    frame: int
    crop: tuple[float, float, float, float]
    cell: tuple[int, int]
    box: tuple[float, float, float, float]
    distance: float
    operator: str


SIMILARITY = "similarity"
"""The series of a detector's scores that holds the similarity to each of its prototypes, in their order."""


@dataclass(frozen=True, slots=True)
class Prototype:
    """What a detector compares faces with.

    Attributes:
        name: its own among all of the detector ("flicker of the mouth 3").
        label: the class that it stands for, real or fake.
        weights: what a similarity of 1 adds to the logits of real and of fake.
    """

    name: str
    label: str
    weights: tuple[float, float]
    source: PrototypeSource


@dataclass(frozen=True, slots=True)
class Mark:
    """A reviewer's mark: a frame or a range, with a note."""

    first: int
    last: int
    note: str
    made_at: str
    """UTC, ISO 8601."""
    id: int | None = None
    """Row in the case file, None before it is stored."""


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What the window and `detectors --json` say of a detector.

    Attributes:
        trained: whether weights were found and verified; an untrained detector is never scored in silence.
        card: the whole card as nested plain data, empty if untrained.
        problem: why there are no usable weights, empty if there are.
        explainers: ids of the explainers that work on it.
        prototypes: in the order of the columns of SIMILARITY; none for most.
    """

    id: str
    name: str
    paper: str
    trained: bool
    weights_sha256: str
    card: Mapping[str, object]
    problem: str
    explainers: tuple[str, ...]
    folder: str
    prototypes: tuple[Prototype, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One thing that can be set of an explainer.

    Attributes:
        default: as it is where nobody chose.
        meaning: what it does.
        kind: a whole or a real number from low to high, a choice of one of the options, or a switch.
    """

    name: str
    default: object
    meaning: str
    kind: Literal["whole", "real", "choice", "switch"]
    low: float = 0
    high: float = 0
    options: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What it may be, to go on "Give"."""
        match self.kind:
            case "whole":
                return f"a whole number from {self.low:.0f} to {self.high:.0f}"
            case "real":
                return f"a number from {self.low:g} to {self.high:g}"
            case "choice":
                return f"one of {', '.join(self.options)}" if self.options else "a name that the detector has"
            case "switch":
                return "on or off"

    def allows(self, value: object) -> bool:
        """Whether it may be this value (not: this value as text)."""
        match self.kind:
            case "switch":
                return isinstance(value, bool)
            case "choice":
                return value in self.options
            case _:
                known = int if self.kind == "whole" else int | float
                return isinstance(value, known) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class ExplainerInfo:
    """What the window must know of an explainer.

    Attributes:
        signed: False where negative values cannot occur (attention).
        slow: whether a map takes so long that it cannot follow a playhead.
        settings: what can be set of it, by the id of a trained detector on which it works.
    """

    id: str
    signed: bool
    slow: bool
    settings: Mapping[str, tuple[SettingInfo, ...]] = field(default_factory=lambda: MappingProxyType({}))
