"""t-SNE of clip embeddings (van der Maaten and Hinton, JMLR 2008): P000's figure 6 and P001's figure 10."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.detection import Array
from engine.evaluation.views.observed import Observed, evenly
from engine.results import FloatArray, IntArray

PERPLEXITY = 30.0
ITERATIONS = 1000
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Clips:
    """Some clips of the deciding faces of videos, in their order.

    Attributes:
        video: (N,) which of the observed videos.
        clip: (N,) which clip of its face.
    """

    video: IntArray
    clip: IntArray


@dataclass(frozen=True, slots=True)
class Projection:
    """Clips in the plane.

    Attributes:
        name: of the embedding.
        places: (N, 2) float64; neither axis nor unit means anything.
        start: what the search began with, "pca", or "random" where the embeddings do not vary.
        perplexity: as it was used: 30, or less for few clips.
        divergence: Kullback-Leibler divergence that was left.
    """

    name: str
    places: Array
    start: str
    perplexity: float
    divergence: float


def spread_clips(observed: Sequence[Observed], most: int) -> Clips:
    """At most so many clips of each face, evenly spread over it: a long video shall not fill the picture."""
    video, clip = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for at, each in enumerate(observed):
        if each.face is not None:
            chosen = evenly(len(each.face.scores.spans), most)
            video.append(np.full(len(chosen), at))
            clip.append(chosen)
    return Clips(np.concatenate(video), np.concatenate(clip))


def gathered(observed: Sequence[Observed], clips: Clips, name: str) -> FloatArray:
    """(N, K) a series of these clips.

    Raises:
        KeyError: a face lacks it.
    """
    rows = []
    for at, clip in zip(clips.video.tolist(), clips.clip.tolist(), strict=True):
        face = observed[at].face
        if face is None:
            raise KeyError(name)
        rows.append(face.series[name][clip])
    return np.stack(rows)


def project(name: str, values: FloatArray, seed: int) -> Projection | None:
    """Embeddings (N, K), Euclidean distances of them as they are; None for fewer than four clips.

    scikit-learn's TSNE, begun with the first two principal components, 1000 iterations; the same seed, numbers and
    versions give the same picture.
    """
    from sklearn.manifold import TSNE

    count = len(values)
    if count < _FEWEST:
        return None
    perplexity = min(PERPLEXITY, (count - 1) / 3)
    spread = values.astype(np.float64)
    varies = bool((spread != spread[0]).any())
    start = "pca" if varies and values.shape[1] > 1 else "random"
    made = TSNE(
        n_components=2,
        perplexity=perplexity,
        init=start,
        learning_rate="auto",
        max_iter=ITERATIONS,
        random_state=seed,
    )
    places = made.fit_transform(spread)
    return Projection(name, np.asarray(places, np.float64), start, perplexity, float(made.kl_divergence_))
