"""What a file says of itself: container, streams, colour, time, origin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from engine.video.colour import Orientation

_MATRICES = {
    0: "RGB", 1: "BT.709", 2: "unspecified", 4: "FCC", 5: "BT.470BG (BT.601)", 6: "SMPTE 170M (BT.601)",
    7: "SMPTE 240M", 8: "YCgCo", 9: "BT.2020 non-constant", 10: "BT.2020 constant", 14: "ICtCp",
}  # fmt: skip
_RANGES = {ColorRange.MPEG.value: "limited", ColorRange.JPEG.value: "full"}
_FIELD_ORDERS = {
    1: "progressive", 2: "interlaced, top first", 3: "interlaced, bottom first",
    4: "interlaced, top coded first, bottom shown first", 5: "interlaced, bottom coded first, top shown first",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """One video stream; texts are "unspecified" where the file is silent.

    Attributes:
        number: of the stream in the container.
        width, height: as coded, before rotation.
        bit_depth: bits per component, 0 if unknown.
        rotation: clockwise for display, degrees.
        average_rate: frames per second as the container states it, None if it does not.
        pixel_aspect: width of a pixel over its height, as coded.
        colour_assumed: what the conversion to RGB takes for granted because the file does not say.
    """

    number: int
    codec: str
    profile: str
    level: str
    pixel_format: str
    bit_depth: int
    width: int
    height: int
    rotation: int
    mirrored: bool
    colour_range: str
    colour_matrix: str
    colour_primaries: str
    colour_transfer: str
    colour_assumed: str
    time_base: Fraction
    average_rate: Fraction | None
    field_order: str
    interlaced: bool
    pixel_aspect: Fraction
    bit_rate: int
    language: str
    metadata: Mapping[str, str]

    @property
    def shown_pixel_aspect(self) -> Fraction:
        """Width over height of a pixel as displayed: a quarter turn swaps the two."""
        return 1 / self.pixel_aspect if self.rotation % 180 else self.pixel_aspect


@dataclass(frozen=True, slots=True)
class AudioFacts:
    number: int
    codec: str
    sample_rate: int
    channels: int
    layout: str
    language: str


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the integrity tab shows of a file.

    Attributes:
        container: name of the format.
        size: bytes.
        seconds: as the container states it, None if it does not.
        creation_time: as written in the file, empty if it is not.
        encoder: tag of the writing program, empty if there is none.
        chosen: number of the stream that is shown.
        other: kinds of the streams that are neither video nor audio.
        notes: further facts in plain words.
    """

    container: str
    size: int
    seconds: float | None
    bit_rate: int
    creation_time: str
    encoder: str
    metadata: Mapping[str, str]
    video: tuple[VideoFacts, ...]
    audio: tuple[AudioFacts, ...]
    other: tuple[str, ...]
    chosen: int
    notes: tuple[str, ...] = ()

    @property
    def stream(self) -> VideoFacts:
        """The video stream that is shown."""
        return next(v for v in self.video if v.number == self.chosen)

    def rows(self) -> list[tuple[str, str, str]]:
        """(group, name, value) for display, in order; facts that the file does not state are left out."""
        return [row for row in self._rows() if row[2]]

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        yield "File", "Container", self.container
        yield "File", "Size", f"{self.size:,} bytes"
        yield "File", "Stated duration", "" if self.seconds is None else f"{self.seconds:.3f} s"
        yield "File", "Bit rate", f"{self.bit_rate / 1000:.0f} kbit/s" if self.bit_rate else ""
        yield "File", "Created", self.creation_time
        yield "File", "Encoder", self.encoder
        for name, value in self.metadata.items():
            yield "File", f"Tag {name}", value
        for note in self.notes:
            yield "File", "Note", note
        for video in self.video:
            shown = ", shown" if video.number == self.chosen and len(self.video) > 1 else ""
            yield from _video_rows(f"Video stream {video.number}{shown}", video)
        for audio in self.audio:
            group = f"Audio stream {audio.number}"
            yield group, "Codec", audio.codec
            yield group, "Sample rate", f"{audio.sample_rate} Hz"
            yield group, "Channels", f"{audio.channels} ({audio.layout})"
            yield group, "Language", audio.language
        for kind in self.other:
            yield "Other streams", "Kind", kind


def _video_rows(group: str, v: VideoFacts) -> Iterator[tuple[str, str, str]]:
    yield group, "Codec", v.codec
    yield group, "Profile", v.profile
    yield group, "Level", v.level
    yield group, "Pixel format", v.pixel_format
    yield group, "Bit depth", str(v.bit_depth) if v.bit_depth else ""
    yield group, "Coded size", f"{v.width} x {v.height}"
    yield group, "Rotation", f"{v.rotation}° clockwise" if v.rotation else "none"
    yield group, "Mirrored", "yes" if v.mirrored else ""
    yield group, "Pixel aspect", f"{v.pixel_aspect.numerator}:{v.pixel_aspect.denominator}"
    yield group, "Colour range", v.colour_range
    yield group, "Colour matrix", v.colour_matrix
    yield group, "Colour primaries", v.colour_primaries
    yield group, "Transfer", v.colour_transfer
    yield group, "Assumed for display", v.colour_assumed
    yield group, "Time base", f"{v.time_base} s"
    yield group, "Stated rate", f"{float(v.average_rate):.3f} fps ({v.average_rate})" if v.average_rate else ""
    yield group, "Fields", v.field_order
    yield group, "Bit rate", f"{v.bit_rate / 1000:.0f} kbit/s" if v.bit_rate else ""
    yield group, "Language", v.language
    for name, value in v.metadata.items():
        yield group, f"Tag {name}", value


def read_facts(
    container: Any, size: int, chosen: int, orientation: Orientation, *, interlaced: bool, pixel_format: str
) -> MediaFacts:
    """Facts of an open av container.

    Args:
        size: of the file, bytes.
        chosen: number of the stream that is shown.
        orientation, interlaced, pixel_format: of its first frame, which only the decoder knows for certain.
    """
    tags = dict(container.metadata)
    videos = []
    for stream in container.streams.video:
        if stream.codec_context is None:
            continue
        here = stream.index == chosen
        videos.append(
            _video_facts(
                stream,
                orientation if here else Orientation(),
                interlaced=here and interlaced,
                pixel_format=pixel_format if here else "",
            )
        )
    stream_tags = next(s.metadata for s in container.streams.video if s.index == chosen)
    return MediaFacts(
        container=f"{container.format.long_name} ({container.format.name})",
        size=size,
        seconds=container.duration / 1e6 if container.duration else None,
        bit_rate=container.bit_rate or 0,
        creation_time=tags.pop("creation_time", "") or stream_tags.get("creation_time", ""),
        encoder=tags.pop("encoder", "") or stream_tags.get("encoder", ""),
        metadata=tags,
        video=tuple(videos),
        audio=tuple(_audio_facts(s) for s in container.streams.audio if s.codec_context is not None),
        other=tuple(s.type for s in container.streams if s.type not in ("video", "audio")),
        chosen=chosen,
    )


def _video_facts(stream: Any, orientation: Orientation, *, interlaced: bool, pixel_format: str) -> VideoFacts:
    context = stream.codec_context
    pixel_format = pixel_format or context.pix_fmt or "unspecified"
    depth = max((c.bits for c in context.format.components), default=0) if context.format else 0
    matrix, extent = context.colorspace, _RANGES.get(context.color_range, "unspecified")
    if pixel_format.startswith("yuvj"):
        extent = "full"
    rgb = matrix == 0 or pixel_format.startswith(("rgb", "bgr", "gbr", "pal", "argb", "abgr"))
    assumed = []
    if not rgb and (matrix == 2 or matrix not in _MATRICES):
        assumed.append("BT.709 matrix" if context.height >= 720 else "BT.601 matrix")
    if not rgb and extent == "unspecified":
        assumed.append("limited range")
    order = int(context.field_order)
    return VideoFacts(
        number=stream.index,
        codec=context.codec.long_name or context.name,
        profile=context.profile or "",
        level=str(context.level) if context.level and context.level > 0 else "",
        pixel_format=pixel_format,
        bit_depth=depth,
        width=context.width,
        height=context.height,
        rotation=orientation.degrees,
        mirrored=orientation.mirrored,
        colour_range=extent,
        colour_matrix=_MATRICES.get(matrix, f"number {matrix}"),
        colour_primaries=_enum_text(ColorPrimaries, context.color_primaries),
        colour_transfer=_enum_text(ColorTrc, context.color_trc),
        colour_assumed=", ".join(assumed),
        time_base=stream.time_base,
        average_rate=stream.average_rate or None,
        field_order=_FIELD_ORDERS.get(order, "interlaced" if interlaced else "unspecified"),
        interlaced=interlaced or order > 1,
        pixel_aspect=pixel_aspect(stream),
        bit_rate=context.bit_rate or 0,
        language=stream.language or "",
        metadata={k: v for k, v in stream.metadata.items() if k not in ("language", "creation_time", "encoder")},
    )


def pixel_aspect(stream: Any) -> Fraction:
    """Width of a pixel over its height; 1 where the file does not say."""
    stated = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(stated) if stated else Fraction(1)


def _audio_facts(stream: Any) -> AudioFacts:
    context = stream.codec_context
    return AudioFacts(
        number=stream.index,
        codec=context.codec.long_name or context.name,
        sample_rate=context.sample_rate,
        channels=context.channels,
        layout=context.layout.name,
        language=stream.language or "",
    )


def _enum_text(kind: Any, value: int) -> str:
    names = {member.value: member.name.replace("_", " ") for member in kind}
    return "unspecified" if value == 2 else names.get(value, f"number {value}")
