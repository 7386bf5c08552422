"""The report of views of a set: what was looked at, its figures, and what DPNet or LPS shows of it."""

from collections.abc import Sequence

import numpy as np

from engine.evaluation.detection import AUC
from engine.evaluation.document import Block, Drawing, Heading, Paragraph, Table, as_html, as_markdown
from engine.evaluation.report import facts_of, run_drawings, shown
from engine.evaluation.views.drawings import (
    Line,
    band_plot,
    heat_picture,
    line_plot,
    map_pictures,
    scatter,
    strip,
)
from engine.evaluation.views.made import PROJECTED, Curves, Views
from engine.evaluation.views.means import ClassMeans, Mean
from engine.evaluation.views.observed import Observed, method_numbers
from engine.evaluation.views.projection import ITERATIONS
from engine.evaluation.views.temporal import BIN, FEWEST
from engine.results import Picture

Pictures = Sequence[tuple[Observed, Sequence[int], Sequence[Picture]]]
"""The worst errors with the frames and faces that show them; no picture where they cannot be read."""

_FACE = (
    "Of each video the face that gave it its probability is looked at: the one with the largest mean. Labels are "
    "those of videos: of a forged one this need not be the forged face, nor each clip of it forged."
)
_TSNE = (
    "A t-SNE keeps neighbours together and little else: distances between groups, their sizes and the axes mean "
    "nothing, and clips of one video lie together because they show one face. Nothing of it is a measure of the "
    "detector; that is the ROC."
)
_GALLERY = (
    "These pictures are faces of people in your videos: think before you pass this report on. The numbers beside "
    "it (views.json, views.npz) hold none."
)


def report_files(views: Views, pictures: Pictures) -> dict[str, str]:
    """Name -> content of report.html, report.md and the drawings that the latter shows."""
    blocks = _blocks(views, pictures)
    title = f"{views.header.detector['id']}: views of a set"
    files = {"report.html": as_html(title, blocks), "report.md": as_markdown(title, blocks)}
    return files | {block.name: block.svg for block in blocks if isinstance(block, Drawing)}


def _blocks(views: Views, pictures: Pictures) -> list[Block]:
    run = views.run
    blocks: list[Block] = [Paragraph(text, warning=True) for text in (*views.header.warnings, *run.warnings)]
    blocks += [Heading("What was looked at"), facts_of(views.header, [run]), Paragraph(_FACE)]
    figure = run.main_figures().get(AUC)
    blocks += [Paragraph(f"{run.name}: AUC {shown(figure)} by video.")] if figure is not None else []
    blocks += run_drawings(run, views.header, 0)
    blocks += [*_methods(views), *_projections(views), *_heat(views), *_probabilities(views), *_surprise(views)]
    blocks += [*_differences(views), *_gallery(views, pictures)]
    if run.unread:
        blocks += [Heading("Files that could not be judged"), Table(["file", "why"], sorted(run.unread.items()))]
    lacking = [each.sample.name for each in run.judged if each.scores.fake_probability is None]
    if lacking:
        blocks.append(Paragraph(f"No face was found in {', '.join(lacking)}"))
    return blocks


def _methods(views: Views) -> list[Block]:
    """What the numbers in the drawings stand for."""
    numbers, names = method_numbers(views.seen)
    clips = [numbers[at] for at in views.clips.video]
    rows = [
        [str(number) if number else "real", name, str(numbers.count(number)), str(clips.count(number))]
        for number, name in enumerate(["", *names])
    ]
    return [Heading("Methods of forgery"), Table(["in drawings", "method", "videos", "clips drawn"], rows)]


def _projections(views: Views) -> list[Block]:
    if not views.projections:
        return []
    blocks: list[Block] = [Heading("Embeddings of clips (t-SNE)"), Paragraph(_TSNE)]
    numbers, names = method_numbers(views.seen)
    clips = [numbers[at] for at in views.clips.video]
    for each in views.projections:
        caption = (
            f"{PROJECTED[each.name]}. {len(clips)} clips of {len(views.seen)} videos. "
            f"scikit-learn's TSNE: Euclidean, perplexity {each.perplexity:.3g}, begun with {each.start}, "
            f"{ITERATIONS} iterations, seed {views.header.settings.seed}; divergence left {each.divergence:.3f}"
        )
        blocks.append(Drawing(f"tsne-{each.name}.svg", caption, scatter(each.places, clips, names)))
    return blocks


def _heat(views: Views) -> list[Block]:
    if views.heat is None:
        return []
    alike = views.heat.alike
    told = "not defined" if np.isnan(alike) else f"{alike:.2f}"
    caption = (
        "P000 figure 4, right: similarity of each prototype (rows, those of real above) to each clip (columns, "
        "sorted by class, method, video and time), dark for the smallest, light for the largest one. Mean "
        f"correlation of the rows of two prototypes of one class: {told}; near 1 they all say the same"
    )
    return [Heading("Prototypes by clips"), Drawing("similarity.svg", caption, heat_picture(views.heat))]


def _probabilities(views: Views) -> list[Block]:
    sets = [("before", views.before), ("now", views.now)]
    blocks: list[Block] = [Heading("Probabilities within videos")]
    for name, curves in sets:
        if curves is not None:
            lines = [_line(views, curves, at) for at in views.drawn]
            caption = (
                f"P001 figure 5, {curves.weights}: each line is a video, a point a clip, at the middle of its "
                f"frames; {len(lines)} videos drawn by the seed"
            )
            drawn = line_plot(lines, views.header.settings.threshold)
            blocks.append(Drawing(f"probabilities-{name}.svg", caption, drawn))
    rows = []
    for _, curves in sets:
        if curves is not None:
            steady = curves.steadiness
            rows += [
                [curves.weights, "mean probability", *_row(steady.mean)],
                [curves.weights, "standard deviation within a video", *_row(steady.deviation)],
            ]
    blocks.append(Table(["weights", "of videos", "real", "forged", "forged less real"], rows))
    over = views.now.steadiness.mean.over
    blocks.append(Paragraph(f"Means over videos, each counting once, with 95 % intervals over {over}."))
    return blocks


def _line(views: Views, curves: Curves, at: int) -> Line:
    face = views.seen[at].face
    spans = face.scores.spans if face is not None else np.empty((0, 2), np.int64)
    x = (spans.mean(axis=1) - spans[0, 0]).tolist()
    return Line(bool(views.seen[at].judged.sample.label), x, curves.probabilities[at].tolist())


def _surprise(views: Views) -> list[Block]:
    if views.surprise is None:
        return []
    over_time, by_example = views.surprise.over_time, views.surprise.by_example
    enough = np.minimum(over_time.real.videos, over_time.fake.videos) >= FEWEST
    count = int(np.argmin(enough)) if not enough.all() else len(enough)
    blocks: list[Block] = [
        Heading("Errors of prediction"),
        Paragraph(
            "The surprise of the predictor at each example of 5 frames: 0 is certainty, 1 is chance. It is no "
            "score, and nothing decides by it; a face that hardly moves has larger errors. Bands: 95 % "
            f"intervals over {over_time.over}, for each place by itself."
        ),
        Table(["", "real", "forged", "forged less real"], [["mean of a video", *_row(views.surprise.overall)]]),
    ]
    if count > 1:
        frames = [float(at * BIN) for at in range(count)]
        caption = (
            f"Mean error over time, {BIN} frames at a time, as long as {FEWEST} videos of each class last; videos "
            "that end earlier drop out, so that the end shows other videos than the beginning"
        )
        cut = _first(over_time, count)
        drawn = band_plot(cut, frames, "frame since the face appeared", "error of prediction")
        blocks.append(Drawing("prediction-error-over-time.svg", caption, drawn))
    places = [float(at + 1) for at in range(len(by_example.real.value))]
    caption = "Mean error by the place of an example in its window; the outer three are seen from one side alone"
    drawn = band_plot(by_example, places, "example of the window", "error of prediction")
    blocks.append(Drawing("prediction-error-by-example.svg", caption, drawn))
    return blocks


def _differences(views: Views) -> list[Block]:
    if views.differences is None:
        return []
    signed, size = views.differences.signed, views.differences.size
    real, fake = int(signed.real.videos[0]), int(signed.fake.videos[0])
    return [
        Heading("Second differences of features"),
        Paragraph(
            f"P001 figure 2: f(t - 1) - 2 f(t) + f(t + 1), averaged over channels and then over {real} real and "
            f"{fake} forged videos. P001 takes the features of face recognisers; these are of the first stages "
            "of the LPS encoder, which look at each frame alone. Dots: cells whose 95 % interval over "
            f"{signed.over} does not hold 0, each cell by itself; by chance one in twenty has one."
        ),
        Drawing(
            "second-difference.svg",
            "Signed, of one three of successive frames in the middle of each video; blue below 0, orange above",
            map_pictures(signed, signed=True),
        ),
        Drawing(
            "second-difference-size.svg",
            "Mean of the absolute values over all threes of all windows: what is left once steady change is gone",
            map_pictures(size, signed=False),
        ),
    ]


def _gallery(views: Views, pictures: Pictures) -> list[Block]:
    blocks: list[Block] = [Heading("Worst errors")]
    if not views.worst:
        return [*blocks, Paragraph(f"At the threshold {views.header.settings.threshold:g} no file is misjudged.")]
    blocks += [Paragraph(_GALLERY, warning=True)]
    for number, (each, frames, faces) in enumerate(pictures):
        sample, probability = each.judged.sample, each.judged.scores.fake_probability
        label = f"forged ({sample.method})" if sample.label and sample.method else _class(sample.label)
        where = "the clip that misleads most" if faces else "its frames cannot be read"
        caption = f"{sample.name}: {label}, fake probability {probability:.3f}; {where}"
        blocks.append(Drawing(f"worst-{number}.svg", caption, strip(faces, frames)))
    return blocks


def _class(label: int) -> str:
    return "forged" if label else "real"


def _row(means: ClassMeans) -> list[str]:
    return [_told(mean) for mean in (means.real, means.fake, means.difference)]


def _told(mean: Mean) -> str:
    if np.isnan(mean.value[0]):
        return "not defined"
    return f"{mean.value[0]:.3f} ({mean.low[0]:.3f} to {mean.high[0]:.3f})"


def _first(means: ClassMeans, count: int) -> ClassMeans:
    real, fake, difference = (
        Mean(mean.value[:count], mean.low[:count], mean.high[:count], mean.videos[:count])
        for mean in (means.real, means.fake, means.difference)
    )
    return ClassMeans(real, fake, difference, means.over)
