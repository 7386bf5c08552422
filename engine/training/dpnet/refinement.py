"""The last layer alone, trained on stored similarities: ProtoPNet's convex step after a projection.

    minimise over W:  mean_i w_i CE(W S_i, y_i) / mean_i w_i + l1 * sum of |W_kj| over prototypes j not of class k

By accelerated proximal gradients (Beck and Teboulle 2009), begun where the layer stands; where the classes can be
told apart there is no least W, and `steps` is what bounds it. Refined weights are no longer the plain +1 and -0.5,
but evidence W_kj S_j adds up to the logits as before.
"""

import torch
from torch import Tensor


def refined_weights(
    weights: Tensor,
    similarities: Tensor,
    labels: Tensor,
    classes: Tensor,
    *,
    l1: float = 1e-4,
    class_weights: tuple[float, float] = (1.0, 1.0),
    steps: int = 500,
) -> Tensor:
    """A last layer that judges the stored similarities better.

    Args:
        weights: (2, m), where to begin.
        similarities: (N, m) of training clips.
        labels: (N,) int64, 0 real, 1 fake.
        classes: (m,) of the prototypes.
        l1: what ties a prototype of the other class to 0.
        class_weights: as in LossConfig.

    Returns:
        (2, m), of the type of `weights`; its objective is never above that of `weights`.
    """
    s = similarities.double()
    share = torch.tensor(class_weights, dtype=torch.float64, device=s.device)[labels]
    share = share / share.sum()
    truth = torch.nn.functional.one_hot(labels, 2).double()
    foreign = torch.arange(2, device=s.device)[:, None] != classes
    # The curvature of cross-entropy is at most a half.
    step = 2 / torch.linalg.eigvalsh(s.T @ (share[:, None] * s))[-1].clamp(min=1e-12)

    def objective(w: Tensor) -> Tensor:
        entropy = -((s @ w.T).log_softmax(1) * truth).sum(1)
        return (share * entropy).sum() + l1 * (w.abs() * foreign).sum()

    best = current = ahead = weights.double()
    lowest, momentum = objective(best), 1.0
    for _ in range(steps):
        slope = (share[:, None] * ((s @ ahead.T).softmax(1) - truth)).T @ s
        moved = ahead - step * slope
        shrunk = moved.sign() * (moved.abs() - step * l1).relu()
        following = torch.where(foreign, shrunk, moved)
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (momentum - 1) / faster * (following - current)
        current, momentum = following, faster
        value = objective(current)
        if value < lowest:
            best, lowest = current, value
    return best.to(weights.dtype)
