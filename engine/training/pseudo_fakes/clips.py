"""What determines a forged clip: drawn once, constant over its frames but for the temporal operators."""

from dataclasses import dataclass, replace

import numpy as np

from engine.errors import UsageError
from engine.training.pseudo_fakes.masks import MaskLaw, Region, draw_mask_law
from engine.training.pseudo_fakes.mismatch import Mismatch
from engine.training.pseudo_fakes.operators import OPERATORS
from engine.training.pseudo_fakes.operators.features import Desynchronisation, FeatureDrift
from engine.training.pseudo_fakes.operators.flicker import Flicker
from engine.training.pseudo_fakes.operators.movement import Drift, Jitter
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, Plan, still_plan
from engine.training.pseudo_fakes.operators.timing import Partial, TemporalResolution
from engine.training.pseudo_fakes.swap import Swap, draw_swap

SWAP = "swap"
KNOWN = (*OPERATORS, SWAP)
"""Every operator's id."""
_WHOLE: tuple[Region, ...] = ("hull", "no-forehead")

Parameters = Jitter | Drift | FeatureDrift | Desynchronisation | Flicker | TemporalResolution | Partial
_IDS = {operator.parameters: name for name, operator in OPERATORS.items()}


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """What kinds of forged clips are drawn.

    Attributes:
        operators: ids that may be drawn, without "swap": one or two of them.
        none: share of clips without a temporal operator.
        swapped: share whose face is another person's.
        exactly: ids that are all used instead of a draw; "swap" may be among them.
        region: the part of the face; drawn if None.
        dense: whether the landmarks follow the expression.
    """

    operators: tuple[str, ...] = tuple(OPERATORS)
    none: float = 0.2
    swapped: float = 0.0
    exactly: tuple[str, ...] | None = None
    region: Region | None = None
    dense: bool = True


@dataclass(frozen=True, slots=True)
class ClipForgery:
    """All that determines a forged clip, given the frames and landmarks.

    Attributes:
        mask: its law; the outline moves with the face.
        mismatch: how the pasted face differs; its noise is new in each frame.
        ratio: of blending.
        shift, degrees, scale: of the patch in all frames, in widths of the face, degrees, factor.
        operators: parameters of the temporal operators.
        swap: how another person's face is fitted, None for the person's own.
    """

    mask: MaskLaw
    mismatch: Mismatch
    ratio: float
    shift: tuple[float, float]
    degrees: float
    scale: float
    operators: tuple[Parameters, ...]
    swap: Swap | None

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the operators, "swap" among them."""
        return (*(_IDS[type(each)] for each in self.operators), *([SWAP] if self.swap else []))


def check_ids(ids: tuple[str, ...]) -> None:
    """Raise UsageError unless all are ids of operators."""
    for each in ids:
        if each not in KNOWN:
            raise UsageError(f"There is no operator {each}", advice=f"Choose among {', '.join(KNOWN)}")


def draw_clip_forgery(rng: np.random.Generator, config: ClipConfig, fps: float) -> ClipForgery:
    """Random parameters of one forged clip.

    Raises:
        UsageError: an operator is unknown.
    """
    check_ids(config.operators + (config.exactly or ()))
    law = draw_mask_law(rng)
    if config.exactly is None:
        count = 0 if rng.random() < config.none else int(rng.integers(1, 3))
        count = min(count, len(config.operators))
        ids = (
            [config.operators[k] for k in rng.choice(len(config.operators), count, replace=False)] if count else []
        )
        swapped = bool(rng.random() < config.swapped)
    else:
        ids, swapped = list(config.exactly), SWAP in config.exactly
    if swapped:
        law = _for_swap(rng, law)
    if config.region is not None:
        law = replace(law, region=config.region)
    whole = law.region in _WHOLE
    footage = Footage(fps, config.dense)
    drawn = tuple(operator.draw(rng, footage) for name, operator in OPERATORS.items() if name in ids)
    ratio = float(rng.choice([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]))
    x, y = rng.uniform(-0.03, 0.03), rng.uniform(-0.015, 0.015)
    return ClipForgery(
        mask=law,
        mismatch=draw_clip_mismatch(rng, float(rng.uniform(0.2, 1.0)), whole=whole),
        ratio=1.0 if swapped else ratio if whole else max(ratio, 0.75),  # two persons' mouths are no mixture
        shift=(float(x), float(y)),
        degrees=float(rng.normal(scale=1.0)),
        scale=float(np.exp(rng.uniform(-0.04, 0.04))),
        operators=drawn,
        swap=draw_swap(rng) if swapped else None,
    )


def _for_swap(rng: np.random.Generator, law: MaskLaw) -> MaskLaw:
    """A mask that keeps to the face, lest the donor's background be pasted; nobody swaps a mouth alone."""
    region = law.region if law.region in _WHOLE else _WHOLE[rng.integers(len(_WHOLE))]
    return replace(law, region=region, threshold=max(law.threshold, 0.6), last_blur=min(law.last_blur, 0.04))


def draw_clip_mismatch(rng: np.random.Generator, strength: float, *, whole: bool) -> Mismatch:
    """Random differences for a clip, milder in colour than `mismatch.draw_mismatch`: over a hundred frames the eye
    and a network see less than in one, and a part of a face in another hue is a patch, not a forgery.

    Args:
        strength: (0, 1], of the differences of colour.
        whole: whether the whole face is replaced, which bears more.
    """
    some = rng.random(7)
    colour = strength * (1.0 if whole else 0.5)
    common = rng.uniform(-10, 10)  # most of a shift is of brightness, as between two lights
    shift = (common + rng.uniform(-6, 6, 3)) * colour if some[0] < 0.6 else np.zeros(3)
    frequency = rng.choice(["none", "down", "sharpen", "resolution"], p=[0.1, 0.35, 0.2, 0.35])
    return Mismatch(
        rgb_shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        hue=float(rng.uniform(-4, 4) * colour) if some[1] < 0.3 else 0.0,
        saturation=float(1 + rng.uniform(-0.25, 0.25) * colour) if some[1] < 0.4 else 1.0,
        gamma=float(np.exp(rng.uniform(-0.2, 0.2) * colour)) if some[2] < 0.3 else 1.0,
        contrast=float(1 + rng.uniform(-0.15, 0.15) * colour) if some[3] < 0.4 else 1.0,
        reduction=float(rng.uniform(1.5, 4.0)) if frequency == "down" else 1.0,
        hard_reduction=False,  # blocks that crawl over a moving face are no forgery anybody makes
        sharpen=float(rng.uniform(0.3, 1.2)) if frequency == "sharpen" else 0.0,
        noise=float(rng.uniform(1.0, 4.0)) if some[5] < 0.2 else 0.0,
        chroma=int(rng.integers(2, 5)) if some[6] < 0.2 else 1,
        resolution=int(rng.choice([64, 96, 128, 256])) if frequency == "resolution" else 0,
        seed=int(rng.integers(2**31)),
    )


def plan_of(forgery: ClipForgery, faces: ClipFaces) -> Plan:
    """What all operators together make of a clip, applied in the order of their registry."""
    plan = still_plan(len(faces))
    by_id = dict(zip(forgery.ids, forgery.operators, strict=False))
    for name, operator in OPERATORS.items():
        if name in by_id:
            plan = operator.apply(plan, faces, by_id[name])
    return plan
