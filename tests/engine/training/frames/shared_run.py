"""Five steps of the frame task, alone or as one of torchrun's processes; not a test itself. Argument: a folder."""

import sys
from pathlib import Path

import torch
from cartoons import draw_dataset

from engine.networks.mobilenet import build_mobilenet
from engine.training.faces.store import gather_faces
from engine.training.frames.batches import MixConfig
from engine.training.frames.task import FrameConfig, FrameTask
from engine.training.loop.checkpoint import save_tensors
from engine.training.loop.distributed import joined
from engine.training.loop.trainer import Trainer

CONFIG = FrameConfig(
    mix=MixConfig(genuine={"drawn": 0.4, "alone": 0.3}, pseudo={"drawn": 0.3}),
    size=32,
    pairs=5,  # shared unevenly
    steps=5,
    warm_up=1,
    schedule="constant",
    frozen_stages=0,
    frozen_statistics=True,
    validate_every=5,
    validation_pairs=4,
    workers=0,
    bf16=False,
)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with joined("cpu") as processes:
        folder.mkdir(parents=True, exist_ok=True)
        data = draw_dataset(folder / f"pictures-{processes.rank}")  # each its own: nobody reads half a file
        torch.manual_seed(processes.rank)  # the first process's weights must win
        network = build_mobilenet(CONFIG.size).double()
        network.dropout = torch.nn.Identity()
        start = network.head.weight.detach().clone()
        stores = (gather_faces(data, data.part(name), 4) for name in ("train", "validation"))
        task = FrameTask(network, *stores, CONFIG, processes)
        run = Trainer(task, CONFIG, folder, processes)
        outcome = run.run()
        if processes.first:
            state = dict(task.module.state_dict())
            count = torch.tensor(processes.count)
            loss = torch.tensor(outcome.history[-1]["loss"], dtype=torch.float64)
            values = {**state, "processes": count, "start": start, "mean loss": loss}
            save_tensors(folder / "result.safetensors", values, {})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
