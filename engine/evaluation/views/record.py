"""The numbers of views of a set: JSON for what is read, arrays for what is drawn again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.plain import finite
from engine.evaluation.record import as_data as run_data
from engine.evaluation.views.made import PROJECTED, Curves, Views
from engine.evaluation.views.means import ClassMeans
from engine.evaluation.views.projection import ITERATIONS
from engine.evaluation.views.temporal import BIN, Steadiness

Arrays = Mapping[str, npt.NDArray[Any]]


def as_data(views: Views) -> dict[str, Any]:
    """The evaluation of the set as `evaluate --json` writes it, and beside it what the views come to."""
    found: dict[str, Any] = {
        "t_sne": [
            {
                "embedding": each.name,
                "what": PROJECTED[each.name],
                "clips": len(each.places),
                "perplexity": each.perplexity,
                "iterations": ITERATIONS,
                "start": each.start,
                "seed": views.header.settings.seed,
                "divergence": each.divergence,
            }
            for each in views.projections
        ],
        "steadiness": [_curves(each) for each in (views.now, views.before) if each is not None],
        "worst": [
            {
                "name": each.judged.sample.name,
                "label": each.judged.sample.label,
                "method": each.judged.sample.method,
                "fake_probability": each.judged.scores.fake_probability,
            }
            for each in views.worst
        ],
    }
    if views.heat is not None:
        found["similarity_rows_alike"] = views.heat.alike
    if views.surprise is not None:
        surprise = views.surprise
        found["prediction_error"] = {
            "overall": _means(surprise.overall),
            "by_example": _means(surprise.by_example),
            "over_time": {"frames_at_a_time": BIN, **_means(surprise.over_time)},
        }
    if views.differences is not None:
        found["second_difference"] = {
            "signed": _means(views.differences.signed),
            "size": _means(views.differences.size),
        }
    return {**run_data(views.header, [views.run]), "views": finite(found)}


def as_arrays(views: Views) -> Arrays:
    """Of the NPZ file: `clip.*` have a row for each clip that is drawn, `video.*` for each video with a face.

    `clip.video` are rows of `video.*`; `tsne.*` are places; `heat.order` are rows of `clip.*`. Windows of all
    videos stand behind each other in `window.*`. No pictures, and nothing that needs a pickle.
    """
    samples = [each.judged.sample for each in views.seen]
    faces = [each.face for each in views.seen if each.face is not None]
    spans = [face.scores.spans for face in faces]
    arrays: dict[str, npt.NDArray[Any]] = {
        "video.name": np.array([sample.name for sample in samples], np.str_),
        "video.label": np.array([sample.label for sample in samples], np.int64),
        "video.method": np.array([sample.method for sample in samples], np.str_),
        "clip.video": views.clips.video,
        "clip.span": np.array(
            [spans[at][clip] for at, clip in zip(views.clips.video, views.clips.clip, strict=True)], np.int64
        ).reshape(-1, 2),
        "window.video": np.repeat(np.arange(len(faces)), [len(each) for each in spans]),
        "window.span": np.concatenate([np.empty((0, 2), np.int64), *spans]),
        "window.probability": _joined(views.now),
    }
    if views.before is not None:
        arrays["window.probability_before"] = _joined(views.before)
    for name in sorted({name for face in faces for name in face.series}):
        rows = [faces[at].series[name][clip] for at, clip in zip(views.clips.video, views.clips.clip, strict=True)]
        arrays[f"clip.{name}"] = np.stack(rows)
    arrays |= {f"tsne.{each.name}": each.places for each in views.projections}
    if views.heat is not None:
        arrays |= {"heat.values": views.heat.values, "heat.order": views.heat.order}
    return arrays


def _joined(curves: Curves) -> npt.NDArray[np.float32]:
    return np.concatenate([np.empty(0, np.float32), *curves.probabilities])


def _curves(curves: Curves) -> dict[str, Any]:
    steady: Steadiness = curves.steadiness
    return {
        "weights": curves.weights,
        "mean": _means(steady.mean),
        "deviation_within_video": _means(steady.deviation),
    }


def _means(means: ClassMeans) -> dict[str, Any]:
    sides = {"real": means.real, "forged": means.fake, "forged_less_real": means.difference}
    return {"over": means.over} | {
        name: {
            "value": mean.value.tolist(),
            "low": mean.low.tolist(),
            "high": mean.high.tolist(),
            "videos": mean.videos.tolist(),
        }
        for name, mean in sides.items()
    }
