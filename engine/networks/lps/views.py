"""What can be seen of LPS beside its answer: second differences of semantic features, and errors of prediction."""

import math

import torch
from torch import Tensor

from engine.networks.lps.network import Lps, Predictions


def second_difference(features: Tensor) -> Tensor:
    """P001, figures 1 and 2: f(t - 1) - 2 f(t) + f(t + 1), averaged over the channels.

    Features of successive single frames (B, C, T, h, w) -> (B, T - 2, h, w), the first of them for frame 1.
    P001 takes them from a face recogniser; here they are `ResNet2d3d.frame_features`, and must be called so.
    """
    maps = features.mean(1)
    return maps[:, :-2] - 2 * maps[:, 1:-1] + maps[:, 2:]


def prediction_errors(predictions: Predictions) -> Tensor:
    """How far each predicted cell is from being told from all others of its window: (B, P, h, w), not negative.

    The contrastive loss of P001 (eq 4) of one window by itself, so that no other video of a batch takes part:
    minus the logarithm of the share that the true cell has among all predicted cells of the window. 0 is
    certainty, log(P h w) is chance.
    """
    b, p, _, h, w = predictions.predicted.shape
    predicted, true = (x.movedim(2, -1).flatten(1, 3) for x in (predictions.predicted, predictions.true))
    with torch.autocast(true.device.type, enabled=False):  # scores in bf16 are too coarse for a softmax
        scores = torch.bmm(predicted.to(true.dtype), true.transpose(1, 2))
        errors = -scores.log_softmax(2).diagonal(dim1=1, dim2=2)
    return errors.reshape(b, p, h, w)


def prediction_errors_over_time(network: Lps, z: Tensor) -> Tensor:
    """Features z (B, m, C, h, w) -> the error at each example, (B, m, h, w), the mean of the directions it has.

    Each example is predicted from the true ones before and after it, however the network was pre-trained; the
    first three have the backward direction alone, the last three the forward one.
    """
    b, m, _, h, w = z.shape
    errors = z.new_full((2, b, m, h, w), math.nan)
    for direction, reverse in enumerate((False, True)):
        predictions = network.predict_next(z, reverse=reverse)
        errors[direction, :, list(predictions.examples)] = prediction_errors(predictions)
    return errors.nanmean(0)
