"""Validation inside a run: the pipeline's scores of a torch model, shared among its processes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch import nn

from peopleparse.training.distributed import World
from peopleparse.training.loop import Validate
from peopleparse.training.tasks import task_of
from peopleparse.training.validate import ValidationSet, flat_scores, validate_parse


def make_validator(data: Path, photos: int, scenes: int) -> Validate:
    """Return a function that scores a model on the first photos and scenes of the val people.

    Each process scores its share; every one returns the scores of the whole, which do not depend on
    how many processes there are.
    """
    found = ValidationSet.read(data, photos, scenes)

    def score(model: nn.Module, world: World) -> dict[str, float]:
        parse = partial(task_of(model).parse, model)
        shards = world.gather(validate_parse(parse, found, share=world.share))
        whole = shards[0]
        for shard in shards[1:]:
            whole.merge(shard)
        return flat_scores(whole.to_dict())

    return score
