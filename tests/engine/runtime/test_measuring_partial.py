"""The protocol "partial" on a clip whose scores are known, with detectors of frames and of clips."""

from pathlib import Path

import numpy as np
import pytest
import toy
from sklearn.metrics import roc_auc_score

from engine.evaluation.evaluate import Sample, Settings
from engine.evaluation.partial import FRAME_AUC, PartialCopy
from engine.progress import CancelToken
from engine.runtime.measuring import Measuring


@pytest.mark.parametrize("kind", [toy.ToyDetector, toy.ToyClipDetector])
def test_frames_are_judged_as_the_detector_sees_them(kind: type, tmp_path: Path) -> None:
    toy.reset()
    clip = toy.write_clip(tmp_path / "toy.mkv")
    copies = [
        PartialCopy(Sample("toy", clip, 1, method="jitter"), toy.FRAMES, 150, 179),
        PartialCopy(Sample("lost", tmp_path / "lost.mkv", 1, method="jitter"), 99, 1, 2),
    ]
    measuring = Measuring(
        kind(),
        toy.ToyFaces(),
        1,
        Settings(draws=20),
        True,
        CancelToken(),
        lambda _: None,  # type: ignore[arg-type]
    )
    (tmp_path / "lost.mkv").write_bytes(b"no video")
    (made,), figures, unread = measuring.partial(copies, None)
    assert list(unread) == ["lost"]
    assert made.probability.frames.tolist() == list(range(toy.FRAMES))

    def logit(frame: int) -> float:
        """Of the largest of the faces; of a snippet of eight frames its mean."""
        seen = [person for person in "AB" if (frame not in toy.GAP if person == "A" else frame >= toy.B_FROM)]
        return max(mean(person, frame) for person in seen)

    def mean(person: str, frame: int) -> float:
        if kind is toy.ToyDetector:
            return toy.logit(person, frame)
        first = frame - frame % 8
        return sum(toy.logit(person, f) for f in range(first, first + 8)) / 8

    # In between, clips at the ends of stretches have snippets at other places: see test_clip_analysis.
    frames = [frame for frame in range(toy.FRAMES) if kind is toy.ToyDetector or not 80 <= frame < 160]
    expected = 1 / (1 + np.exp([-logit(frame) for frame in frames]))
    np.testing.assert_allclose(made.probability.values[frames], expected, atol=0.005)
    (auc,) = [f.value.value for f in figures if (f.part, f.measure) == ("all", FRAME_AUC)]
    labels = [150 <= frame <= 179 for frame in range(toy.FRAMES)]
    assert auc == pytest.approx(roc_auc_score(labels, made.probability.values))
