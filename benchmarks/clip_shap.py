"""What Kernel SHAP costs on a clip: processor seconds per pass, and for all that is not the detector.

    python benchmarks/clip_shap.py VIDEO [--detector snippet-compact] [--samples 200] [--tolerance 0]

The clip is the one in the middle of the longest face of VIDEO, as `analyze` plans and cuts it.
"""

import argparse
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np  # noqa: E402


def clip_of(video: Path, detector: Any) -> tuple[Any, Any]:
    """A clip and its crops."""
    from engine.detectors.stretches import stretches
    from engine.faces.crops import cut_crop
    from engine.faces.detector import FaceDetector
    from engine.progress import CancelToken
    from engine.runtime.protocol import AnalyzeRequest
    from engine.runtime.scoring import analysed
    from engine.runtime.session import VideoSession
    from engine.video.media import open_media

    with closing(VideoSession(open_media(video))) as session:
        request = AnalyzeRequest(video, detector.id, device="cpu", every=10**6)
        tracks = analysed(session, request, detector, FaceDetector("cpu"), CancelToken()).tracks
        track = max(tracks, key=lambda each: len(each.frames))
        run = max(stretches(track.frames), key=len)
        clips = detector.plan(int(run[0]), int(run[-1]))
        clip = clips[len(clips) // 2]
        rows = np.searchsorted(track.frames, clip.frames)
        affines = detector.affines(track.boxes[rows], track.landmarks[rows])
        with closing(session.media.reader()) as reader:
            size = detector.crop_spec.size
            cut = [
                cut_crop(reader.read(int(frame)).pixels, affine, size)
                for frame, affine in zip(clip.frames, affines, strict=True)
            ]
    return clip, np.stack(cut)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--detector", default="snippet-compact")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--tolerance", type=float, default=0.0)
    args = parser.parse_args()

    from engine.detectors.registry import load_detector
    from engine.explainers.clip_kernel_shap import ClipKernelShap, ClipKernelShapSettings
    from engine.explainers.superpixels import volumes

    detector: Any = load_detector(args.detector, "cpu", "float32")
    clip, crops = clip_of(args.video, detector)
    score, spent = detector.score_clip, [0.0, 0]

    def watched(*given: Any) -> Any:
        began = time.process_time()
        try:
            return score(*given)
        finally:
            spent[0] += time.process_time() - began
            spent[1] += 1

    detector.score_clip = watched  # on the copy in float32, too
    began = time.process_time()
    labels = volumes(crops)
    segmented = time.process_time() - began
    explainer = ClipKernelShap(ClipKernelShapSettings(samples=args.samples, tolerance=args.tolerance))
    maps = explainer.explain(detector, clip, crops)
    took = time.process_time() - began - segmented
    print(
        f"{args.detector} at {crops.shape[1]} px, {len(crops)} frames, {len(clip.spans)} spans, "
        f"{labels.max() + 1} volumes: {maps.passes} passes, {spent[0] / spent[1]:.3f} s of processor each; "
        f"all {took:.1f} s, of which segmentation {segmented:.1f} s, the detector {spent[0] / took:.1%}"
    )


if __name__ == "__main__":
    main()
