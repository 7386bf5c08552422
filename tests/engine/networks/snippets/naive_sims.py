"""P003's equations 1 to 11 in numpy loops, float64, in the paper's own order; and modules worth comparing."""

from typing import Any

import numpy as np
import torch
from torch import nn

State = dict[str, np.ndarray]


def state_of(module: nn.Module) -> State:
    return {name: value.detach().numpy().astype(np.float64) for name, value in module.state_dict().items()}


def randomised(module: nn.Module, seed: int = 0) -> Any:
    """In double precision, ready to judge, with every weight and statistic somewhere it does not start."""
    generator = torch.Generator().manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0, generator=generator)
            elif value.is_floating_point():
                value.normal_(0.0, 0.6, generator=generator)
    return module


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def norm(x: np.ndarray, state: State, name: str) -> np.ndarray:
    """Batch normalisation as it stands: channels on axis 0."""
    shape = (-1,) + (1,) * (x.ndim - 1)
    scale = state[f"{name}.weight"] / np.sqrt(state[f"{name}.running_var"] + 1e-5)
    shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
    return x * scale.reshape(shape) + shift.reshape(shape)


def conv(x: np.ndarray, weight: np.ndarray, *, each: bool = False) -> np.ndarray:
    """(C, P, Q) with kernels (O, C or 1, kp, kq), zeros around, tap by tap; `each` channel alone."""
    kp, kq = weight.shape[2:]
    out = np.zeros((weight.shape[0], *x.shape[1:]))
    for o in range(weight.shape[0]):
        for p in range(x.shape[1]):
            for q in range(x.shape[2]):
                for i in range(kp):
                    for j in range(kq):
                        at = p + i - kp // 2, q + j - kq // 2
                        if not (0 <= at[0] < x.shape[1] and 0 <= at[1] < x.shape[2]):
                            continue
                        if each:
                            out[o, p, q] += weight[o, 0, i, j] * x[o, at[0], at[1]]
                        else:
                            out[o, p, q] += weight[o, :, i, j] @ x[:, at[0], at[1]]
    return out


def intra(
    state: State, x: np.ndarray, *, bp: bool = True, ca: bool = True, lk: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """(C, T, H, W) -> the output and A_H A_W. Each direction goes its whole way; they meet before the sigmoid."""
    half = len(x) // 2
    moving = x[half:]
    T = x.shape[1]
    squeezed = [norm(conv(moving[:, t], state["squeeze.weight"]), state, "squeeze_norm") for t in range(T)]
    zero = np.zeros_like(squeezed[0])
    ahead = [squeezed[t] - conv(squeezed[t + 1], state["next_frame.weight"], each=True) for t in range(T - 1)]
    directions = [np.stack([*ahead, zero], 1)]
    if bp:
        weight = state["previous_frame.weight"]
        back = [squeezed[t + 1] - conv(squeezed[t], weight, each=True) for t in range(T - 1)]
        directions.append(np.stack([zero, *back], 1))
    if ca:
        attention = _path(state, 0, directions, "HT") * _path(state, 1, directions, "TW")
    else:
        attention = _path(state, 0, directions, "HW")
    blended = attention * moving + moving
    out = _along_time(state, moving, blended) if lk else blended
    return np.concatenate([x[:half], out]), attention


def _path(state: State, number: int, directions: list[np.ndarray], plane: str) -> np.ndarray:
    """Equation 2 or 3 for each direction (m, T, H, W), then the sigmoid of their mean: (c, T, H, W)."""
    prefix = f"paths.{number}."
    total = 0.0
    for d in directions:
        seen = np.zeros_like(d)
        if plane == "HT":
            for w in range(d.shape[3]):
                seen[:, :, :, w] = conv(
                    d[:, :, :, w].transpose(0, 2, 1), state[prefix + "plane.weight"]
                ).transpose(0, 2, 1)
        elif plane == "TW":
            for h in range(d.shape[2]):
                seen[:, :, h, :] = conv(d[:, :, h, :], state[prefix + "plane.weight"])
        else:
            for t in range(d.shape[1]):
                seen[:, t] = conv(d[:, t], state[prefix + "plane.weight"])
        summed = norm(seen, state, prefix + "plane_norm") + d
        recovered = np.einsum("om,mthw->othw", state[prefix + "recover.weight"][:, :, 0, 0], summed)
        total = total + norm(recovered, state, prefix + "recover_norm")
    return sigmoid(total / len(directions))


def _along_time(state: State, moving: np.ndarray, blended: np.ndarray) -> np.ndarray:
    """Equations 4 and 5, channel by channel."""
    out = np.zeros_like(blended)
    T = blended.shape[1]
    for c in range(len(moving)):
        means = np.array([moving[c, t].mean() for t in range(T)])
        hidden = np.maximum(state["kernel.widen.weight"] @ means + state["kernel.widen.bias"], 0)
        scores = np.exp(state["kernel.choose.weight"] @ hidden + state["kernel.choose.bias"])
        taps = scores / scores.sum()
        for t in range(T):
            for j in range(3):
                if 0 <= t + j - 1 < T:
                    out[c, t] += taps[j] * blended[c, t + j - 1]
    return out


def inter(state: State, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, C, U, H, W) -> the output and F1 F2 (C, U, T)."""
    T, C, U = x.shape[:3]
    means = np.array([[[x[t, c, u].mean() for t in range(T)] for u in range(U)] for c in range(C)])
    narrow = norm(conv(means, state["snippets.weight"]), state, "snippets_norm")
    bias = state["snippets_recover.bias"][:, None, None]
    one = sigmoid(conv(narrow, state["snippets_recover.weight"]) + bias)
    squeezed = norm(conv(means, state["squeeze.weight"]), state, "squeeze_norm")
    difference = np.zeros_like(squeezed)
    for u in range(U):
        if u + 1 < U:
            row = squeezed[:, u + 1 : u + 2]
            difference[:, u] += squeezed[:, u] - conv(row, state["next_snippet.weight"], each=True)[:, 0]
        if u > 0:
            row = squeezed[:, u - 1 : u]
            difference[:, u] += squeezed[:, u] - conv(row, state["previous_snippet.weight"], each=True)[:, 0]
    bias = state["motion_recover.bias"][:, None, None]
    two = sigmoid(conv(difference, state["motion_recover.weight"]) + bias)
    attention = one * two
    out = np.zeros_like(x)
    for t in range(T):
        for c in range(C):
            for u in range(U):
                for j in range(3):
                    if 0 <= u + j - 1 < U:
                        at = u + j - 1
                        out[t, c, u] += state["mix"][j, c] * (attention[c, at, t] * x[t, c, at] + x[t, c, at])
    return out, attention
