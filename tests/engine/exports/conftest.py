"""One video for all tests of exports."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from exports_scene import make_video

from engine.video.media import Media, open_media


@pytest.fixture(scope="session")
def odd_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("exports") / "odd.mp4")


@pytest.fixture
def media(odd_video: Path) -> Iterator[Media]:
    opened = open_media(odd_video)
    yield opened
    opened.close()
