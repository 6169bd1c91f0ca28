"""The processes of a run, as torchrun starts them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed


@dataclass(frozen=True)
class World:
    """Who this process is among the processes of a run.

    Attributes:
        rank: number of this process.
        size: number of processes.
        device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def from_environment(cls) -> World:
        """Join the run that torchrun describes, or be alone; gloo on CPUs, nccl on GPUs."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        gpu, local = torch.cuda.is_available(), int(os.environ.get("LOCAL_RANK", "0"))
        if gpu:
            torch.cuda.set_device(local)  # gathered objects travel through the current device
        if size > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if gpu else "gloo")
        rank = distributed.get_rank() if size > 1 else 0
        return cls(rank, size, torch.device("cuda", local) if gpu else torch.device("cpu"))

    @property
    def share(self) -> slice:
        """This process's items of a list: every size-th, from its rank on."""
        return slice(self.rank, None, self.size)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in the order of their ranks, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values
