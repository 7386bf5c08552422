"""Lossy coding as evidence has gone through it, in memory: JPEG and one intra picture of H.264."""

from fractions import Fraction

import av
import cv2
import numpy as np

from engine.results import Picture


def jpeg(picture: Picture, quality: int) -> Picture:
    """Encode and decode (H, W, 3) RGB; quality 1 to 100."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def h264(picture: Picture, crf: int) -> Picture:
    """Encode with x264 as one intra picture and decode; crf 0 to 51. Sides are padded to even and cut again."""
    height, width = picture.shape[:2]
    even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = even.shape[1], even.shape[0], "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = {"crf": str(crf), "preset": "superfast", "tune": "zerolatency"}
    packets = [
        *encoder.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), "rgb24")),
        *encoder.encode(None),
    ]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.ascontiguousarray(frames[0].to_ndarray(format="rgb24")[:height, :width])
