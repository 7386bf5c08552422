"""The views of LPS against the direct computation, loops and numbers made by hand."""

import math

import numpy as np
import pytest
import torch
from lps_weights import fill, film, wave

from engine.networks.lps.config import LpsConfig
from engine.networks.lps.network import Lps, Predictions
from engine.networks.lps.views import prediction_errors, prediction_errors_over_time, second_difference

TINY = LpsConfig(size=64, widths=(3, 4, 5, 6), hidden=7, slots=9)


@pytest.fixture(scope="module")
def network() -> Lps:
    network = Lps(TINY).eval()
    fill(network)
    return network


# Second differences


def test_second_difference_of_a_parabola_and_of_a_flash() -> None:
    t = torch.arange(6, dtype=torch.float64)
    slopes = torch.tensor([1.0, 3.0], dtype=torch.float64)
    features = (slopes[:, None] * t**2 + 7 * t)[None, :, :, None, None].expand(1, 2, 6, 2, 3)
    torch.testing.assert_close(second_difference(features), torch.full((1, 4, 2, 3), 4.0, dtype=torch.float64))
    flash = torch.zeros(1, 1, 5, 1, 2)
    flash[0, 0, 2, 0, 1] = 1
    assert second_difference(flash)[0, :, 0, 1].tolist() == [1, -2, 1]
    assert not second_difference(flash)[0, :, 0, 0].any()


def test_second_difference_of_the_encoder_is_that_of_three_frames_by_themselves(network: Lps) -> None:
    clip = film(1, 1, 64)[0].float()
    with torch.no_grad():
        maps = second_difference(network.encoder.frame_features(clip))
        one, two, three = (
            network.encoder.frame_features(clip[:, :, t : t + 1]).mean((0, 1, 2)) for t in (1, 2, 3)
        )
    assert maps.shape == (1, 3, 8, 8)
    torch.testing.assert_close(maps[0, 1], one - 2 * two + three, atol=1e-5, rtol=1e-5)


# Errors of prediction


def naive_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    b, p, _, h, w = predicted.shape
    errors = np.zeros((b, p, h, w))
    for video, t, row, column in np.ndindex(b, p, h, w):
        mine = predicted[video, t, :, row, column]
        shares = {(s, r, c): math.exp(float(mine @ true[video, s, :, r, c])) for s, r, c in np.ndindex(p, h, w)}
        errors[video, t, row, column] = -math.log(shares[t, row, column] / sum(shares.values()))
    return errors


def test_errors_of_prediction_one_cell_at_a_time() -> None:
    predicted, true = wave((2, 3, 4, 2, 3), 0.3), wave((2, 3, 4, 2, 3), 0.8)
    errors = prediction_errors(Predictions(predicted, true, (3, 4, 5)))
    np.testing.assert_allclose(errors, naive_errors(predicted.numpy(), true.numpy()), atol=1e-12)
    chance = prediction_errors(Predictions(torch.zeros(1, 9, 4, 7, 7), torch.randn(1, 9, 4, 7, 7), ()))
    torch.testing.assert_close(chance, torch.full((1, 9, 7, 7), math.log(9 * 49)))


def test_errors_over_time_are_the_mean_of_the_directions_there_are(network: Lps) -> None:
    z = wave((2, 12, 6, 2, 2), 0.2).float()
    with torch.no_grad():
        errors = prediction_errors_over_time(network, z)
        after = prediction_errors(network.predict_next(z, reverse=False))
        before = prediction_errors(network.predict_next(z, reverse=True))
        alone = prediction_errors_over_time(network, z[1:])
    assert errors.shape == (2, 12, 2, 2)
    for example in range(12):
        found = [after[:, example - 3]] if example >= 3 else []
        found += [before[:, 8 - example]] if example < 9 else []
        torch.testing.assert_close(errors[:, example], sum(found) / len(found))
    torch.testing.assert_close(alone[0], errors[1])


def test_a_strange_example_is_where_the_error_is() -> None:
    """A predictor that repeats what it saw: at unlike examples nothing is foretold, elsewhere all is."""
    steady = torch.tensor([6.0, 0.0, 0.0])
    z = steady[None, None, :, None, None].repeat(1, 12, 1, 1, 1)
    z[0, 6] = torch.tensor([0.0, 6.0, 0.0])[:, None, None]
    predicted = steady[None, None, :, None, None].repeat(1, 9, 1, 1, 1)
    errors = prediction_errors(Predictions(predicted, z[:, 3:], tuple(range(3, 12)))).flatten()
    assert int(errors.argmax()) == 3
    assert errors[3] > 30
    torch.testing.assert_close(errors[[0, 8]], torch.full((2,), math.log(8)), atol=1e-4, rtol=0)
