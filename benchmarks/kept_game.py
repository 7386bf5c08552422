"""A game whose values are kept in a file, so that a long measurement goes on after a break, a `kill -9` too."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

TOGETHER = 2048
"""Coalitions that are asked for before they are written."""


class KeptGame:
    """Asks `game` for no coalition twice, in this run or in a later one with the same file.

    The file is a row of records: a coalition as packed bits, then its value as float64. A record that a break left
    unfinished is cut off. Whoever makes the name of the file answers for its being of this game.
    """

    def __init__(self, game: Any, path: Path) -> None:
        self.players, self._game, self._path = game.players, game, path
        self._record = np.dtype([("mask", np.uint8, (game.players + 7) // 8), ("value", np.float64)])
        kept = path.read_bytes() if path.is_file() else b""
        kept = kept[: len(kept) // self._record.itemsize * self._record.itemsize]
        if path.is_file():
            with path.open("r+b") as file:
                file.truncate(len(kept))
        rows = np.frombuffer(kept, self._record)
        self.known: dict[bytes, float] = {
            mask.tobytes(): float(value) for mask, value in zip(rows["mask"], rows["value"], strict=True)
        }

    def __call__(self, masks: Any) -> Any:
        """(K, M) above 0.5 where the player is there -> (K,) float64."""
        masks = np.asarray(masks) > 0.5
        packed = [row.tobytes() for row in np.packbits(masks, axis=1)]
        new = list({key: row for row, key in enumerate(packed) if key not in self.known}.values())
        for at in range(0, len(new), TOGETHER):
            part = new[at : at + TOGETHER]
            rows = np.zeros(len(part), self._record)
            rows["mask"], rows["value"] = np.packbits(masks[part], axis=1), self._game(masks[part])[:, 0]
            with self._path.open("ab") as file:
                file.write(rows.tobytes())
            self.known |= {packed[row]: float(value) for row, value in zip(part, rows["value"], strict=True)}
            if len(new) > TOGETHER:
                print(f"  {at + len(part)} of {len(new)} new passes", file=sys.stderr, flush=True)
        return np.array([self.known[key] for key in packed])
