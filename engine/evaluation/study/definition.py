"""What a study asks: its sections, their clips, and how they are divided. Stored as plain data, read strictly."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from engine.errors import StudyError
from engine.results import canonical, empty

FORMAT = 1
MOST_EXPLAINERS = 8
OTHER = "other"
"""The option that is always there and always last: no explainer may be called so."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,39}")
_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Clip:
    """A file in the folder of clips: its plain name and the SHA-256 of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Section:
    """Two questions: which of two videos is forged, and which explanations of the forged one convince.

    Attributes:
        id: names it in answers.
        part: of the study to which it belongs, from 0; a participant is asked the sections of one part.
        persons: all whose faces are seen in it, the donor of a swapped face, too.
        real, fake: the two videos of the first question.
        shown: the forged one as the second question shows it, of which the explanations are copies with a mask.
        explanations: explainer -> clip; the same explainers in every section.
        scores: detector -> the fake probability of what is shown, where it was computed.
    """

    id: str
    part: int
    persons: tuple[str, ...]
    real: Clip
    fake: Clip
    shown: Clip
    explanations: Mapping[str, Clip]
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Each file once, in the order in which they are met."""
        return tuple(dict.fromkeys((self.real, self.fake, self.shown, *self.explanations.values())))


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole study.

    Attributes:
        title: as participants read it.
        seed: from which every order is drawn.
        explainers: ids, in the order of reports.
        sections: in the order of reports.
        made: how the clips were made, in words and figures for the report.
    """

    title: str
    seed: int
    explainers: tuple[str, ...]
    sections: tuple[Section, ...]
    made: Mapping[str, object] = field(default_factory=empty)

    @property
    def parts(self) -> int:
        return 1 + max(section.part for section in self.sections)

    @property
    def sha256(self) -> str:
        """Equal for studies that ask the same in every respect."""
        return hashlib.sha256(canonical(as_data(self)).encode()).hexdigest()

    def part(self, number: int) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.part == number)

    def section(self, name: str) -> Section:
        return next(section for section in self.sections if section.id == name)


def as_data(definition: Definition) -> dict[str, Any]:
    """Plain data for JSON."""
    sections = tuple(
        replace(s, explanations=dict(s.explanations), scores=dict(s.scores)) for s in definition.sections
    )
    made = json.loads(canonical(definition.made))
    return {"format": FORMAT, **asdict(replace(definition, sections=sections, made=made))}


def from_text(text: str) -> Definition:
    """The definition of a JSON text.

    Raises:
        StudyError: it is not what `as_data` gives; the message says where.
    """
    try:
        return _definition(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise StudyError(
            f"The definition of the study is broken ({error})", advice="Get the study from whoever made it again"
        ) from error


def require_sound(definition: Definition) -> None:
    """Raise StudyError if the study breaks its own protocol: a person or a clip twice, other explainers."""
    problem = _problem(definition)
    if problem:
        raise StudyError(problem, advice="Mend the pairs of which the study is made")


def require_name(name: str, what: str) -> None:
    """Raise StudyError unless this can name a section or an explainer in a file name and a report."""
    if not _NAME.fullmatch(name) or name.lower() == OTHER:
        raise StudyError(
            f"{name!r} cannot be the name of {what}",
            advice="Take letters, digits and . _ - + @, 40 at most, and not “other”, which is an answer",
        )


def _problem(definition: Definition) -> str:
    owners: dict[str, str] = {}
    files: dict[str, str] = {}
    for section in definition.sections:
        for person in section.persons:
            if person in owners:
                return (
                    f"{person} is seen in {owners[person]} and in {section.id}: each person may be met only once"
                )
            owners[person] = section.id
        for clip in section.clips:
            if clip.sha256 in files:
                return f"{files[clip.sha256]} and {section.id} hold the very same clip ({clip.file})"
        files |= dict.fromkeys((clip.sha256 for clip in section.clips), section.id)
        if section.real.sha256 == section.fake.sha256:
            return f"The real and the forged clip of {section.id} are the same file"
        if set(section.explanations) != set(definition.explainers):
            return f"{section.id} has other explanations than {definition.sections[0].id}"
    return ""


def _definition(data: Any) -> Definition:
    """Raises ValueError, StudyError."""
    _keys(data, ("format", "title", "seed", "explainers", "sections", "made"), "the study")
    _require(data["format"] == FORMAT, f"its format {data['format']!r} is not {FORMAT}")
    explainers = _texts(data["explainers"], "explainers")
    _require(0 < len(explainers) <= MOST_EXPLAINERS, f"it has {len(explainers)} explainers")
    _require(isinstance(data["sections"], list) and bool(data["sections"]), "it has no sections")
    sections = tuple(_section(each, f"section {n}") for n, each in enumerate(data["sections"], 1))
    _require(len({s.id for s in sections}) == len(sections), "two sections have the same id")
    _require({s.part for s in sections} == set(range(1 + max(s.part for s in sections))), "a part is empty")
    _require(isinstance(data["made"], dict), "made is no table")
    made = Definition(
        _text(data["title"], "title"), _whole(data["seed"], "seed"), explainers, sections, data["made"]
    )
    require_sound(made)
    for name in explainers:
        require_name(name, "an explainer")
    return made


def _section(data: Any, where: str) -> Section:
    _keys(data, ("id", "part", "persons", "real", "fake", "shown", "explanations", "scores"), where)
    for name in ("explanations", "scores"):
        _require(isinstance(data[name], dict), f"{name} of {where} is no table")
    scores = {str(name): _share(value, f"a score of {where}") for name, value in data["scores"].items()}
    return Section(
        id=_text(data["id"], f"id of {where}"),
        part=_whole(data["part"], f"part of {where}"),
        persons=_texts(data["persons"], f"persons of {where}"),
        real=_clip(data["real"], f"real of {where}"),
        fake=_clip(data["fake"], f"fake of {where}"),
        shown=_clip(data["shown"], f"shown of {where}"),
        explanations={str(n): _clip(c, f"{n} of {where}") for n, c in data["explanations"].items()},
        scores=scores,
    )


def _clip(data: Any, where: str) -> Clip:
    _keys(data, ("file", "sha256"), where)
    file, sha256 = _text(data["file"], where), _text(data["sha256"], where)
    # A definition comes from others: its clips may lie in the folder of clips and nowhere else.
    _require(_plain_name(file), f"{where} is no plain file name")
    _require(bool(_SHA.fullmatch(sha256)), f"{where} has no SHA-256")
    return Clip(file, sha256)


def _plain_name(file: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@._+-]*", file)) and ".." not in file


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _keys(data: Any, wanted: Sequence[str], where: str) -> None:
    holds = isinstance(data, dict) and set(data) == set(wanted)
    _require(holds, f"{where} does not hold exactly {', '.join(wanted)}")


def _text(value: Any, where: str) -> str:
    _require(isinstance(value, str), f"{where} is no text")
    return str(value)


def _whole(value: Any, where: str) -> int:
    holds = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    _require(holds, f"{where} is no whole number from 0")
    return int(value)


def _share(value: Any, where: str) -> float:
    holds = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    _require(holds, f"{where} is no number from 0 to 1")
    return float(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    holds = isinstance(value, list) and all(isinstance(each, str) for each in value)
    _require(holds, f"{where} is no list of texts")
    _require(len(set(value)) == len(value), f"{where} names something twice")
    return tuple(value)
