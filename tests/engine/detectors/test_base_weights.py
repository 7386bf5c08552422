"""Weights that hold only the heads: with their base they are the whole network, without just that base nothing."""

import copy
from pathlib import Path

import pytest
import safetensors.torch
import torch
from random_weights import card_values, random_network

from engine.detectors import registry
from engine.detectors.base_weights import base_of
from engine.detectors.cards import load_card
from engine.detectors.files import MODEL
from engine.detectors.specs import detector_spec
from engine.detectors.weights import check_state, load_state, save_weights
from engine.errors import WeightsError
from engine.networks.frame import FrameNetwork

SIZE = 64


def half(network: FrameNetwork) -> FrameNetwork:
    return network.half().float()


@pytest.fixture(scope="module")
def networks() -> tuple[FrameNetwork, FrameNetwork]:
    """A plain network, and one with attention on the very same trunk."""
    plain, other = half(random_network("frame-mobile", SIZE)), half(random_network("frame-mobile-attention", SIZE))
    other.trunk.load_state_dict(plain.trunk.state_dict())
    return plain, other


@pytest.fixture
def folders(networks: tuple[FrameNetwork, FrameNetwork], tmp_path: Path) -> tuple[Path, Path]:
    plain, other = networks
    base, heads = tmp_path / "frame-mobile", tmp_path / "frame-mobile-attention"
    save_weights(base, plain, card_values("frame-mobile", plain), torch.float16)
    card = card_values("frame-mobile-attention", other)
    save_weights(heads, other, card, torch.float16, base=base)
    return base, heads


def loaded(folder: Path) -> FrameNetwork:
    card = load_card(folder)
    network = detector_spec(card.id).build(card.size)
    check_state(folder, card, network)
    load_state(folder, card, network)
    return network


def test_only_what_differs_is_written_and_all_comes_back(
    networks: tuple[FrameNetwork, FrameNetwork], folders: tuple[Path, Path]
) -> None:
    base, heads = folders
    names = set(safetensors.torch.load_file(heads / MODEL))
    assert names
    assert not any(name.startswith("trunk.") for name in names)
    assert (heads / MODEL).stat().st_size < (base / MODEL).stat().st_size / 2
    whole = networks[1].state_dict()
    for name, tensor in loaded(heads).state_dict().items():
        assert name.endswith("num_batches_tracked") or torch.equal(tensor, whole[name]), name


def test_it_is_the_very_base_that_counts(
    networks: tuple[FrameNetwork, FrameNetwork], folders: tuple[Path, Path]
) -> None:
    base, heads = folders
    other = copy.deepcopy(networks[0])
    with torch.no_grad():
        other.trunk.conv_stem.weight.mul_(2)
    save_weights(base, other, card_values("frame-mobile", other), torch.float16)
    with pytest.raises(WeightsError, match="heads on the trunk of frame-mobile"):
        loaded(heads)


def test_a_damaged_base_is_told(folders: tuple[Path, Path]) -> None:
    base, heads = folders
    data = bytearray((base / MODEL).read_bytes())
    data[-1] ^= 1
    (base / MODEL).write_bytes(data)
    with pytest.raises(WeightsError, match="are not those of their card"):
        loaded(heads)


def test_networks_that_share_little_are_written_whole(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    other = half(random_network("frame-mobile-attention", SIZE, seed=3))
    folder = tmp_path / "whole" / "frame-mobile-attention"
    save_weights(folder, other, card_values("frame-mobile-attention", other), torch.float16, base=folders[0])
    assert base_of((folder / MODEL).read_bytes()) is None
    loaded(folder)


def test_heads_are_imported_where_their_base_is(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, heads = folders
    alone = tmp_path / "alone" / heads.name
    alone.parent.mkdir()
    heads.rename(alone)
    places = (tmp_path / "own", tmp_path / "shipped")
    monkeypatch.setattr("engine.paths.weights_dirs", lambda: places)
    with pytest.raises(WeightsError, match="is not there"):
        registry.import_weights(alone)
    places[1].mkdir()
    base.rename(places[1] / base.name)
    assert registry.import_weights(alone).trained
    assert registry.load_detector("frame-mobile-attention", "cpu").weights_sha256 == load_card(alone).sha256


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, (50).to_bytes(8, "little") + b"{}"])
def test_a_header_that_is_cut_off(data: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        base_of(data)
