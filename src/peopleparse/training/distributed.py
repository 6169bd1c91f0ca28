"""The processes of a run, as torchrun starts them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from peopleparse.errors import InputError

# A process that was killed is noticed at once; a machine that lost its power only after this.
PATIENCE = timedelta(minutes=10)
_LOST = re.compile(
    r"gloo|nccl|connection (closed|reset|refused)|broken pipe|timed out|socket|process group", re.I
)


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
            distributed.init_process_group("nccl" if gpu else "gloo", timeout=PATIENCE)
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

    def share_buffers(self, model: nn.Module) -> None:
        """Give every process the first one's buffers: those of batch norms drift apart in steps."""
        if self.size > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)

    @contextmanager
    def watch(self, checkpoint: Path) -> Iterator[None]:
        """Say in one line that another process was lost, and how to go on.

        Raises:
            InputError: a process of the run was lost.
        """
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _LOST.search(str(error)):
                raise
            raise InputError(
                f"processes of a run must all live to its end, got one of {self.size} that was "
                f"lost, noticed by process {self.rank}. Start the same command again: it goes on "
                f"from {checkpoint}."
            ) from error
