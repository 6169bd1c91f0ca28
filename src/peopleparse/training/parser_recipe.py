"""What to train where one network parses one person: a recipe, and how structure is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peopleparse.training.recipe import Recipe


@dataclass(frozen=True)
class StructurePlan:
    """Which structure-sensitive loss takes the place of cross-entropy, and when.

    Attributes:
        mode, measure, offset, scale: of `losses.structure.StructureLoss`.
        share: the last share of the steps; before them the loss is plain cross-entropy.
    """

    mode: str
    measure: str
    offset: float
    scale: float
    share: float


@dataclass(frozen=True)
class ParserRecipe(Recipe):
    """A recipe for a network of `models.parsers`.

    Of the loss factors none counts: the loss is cross-entropy of the parsing and of each scale's,
    weighed by label_power, and from where the structure plan begins the structure-sensitive one.

    Attributes:
        structure: None for cross-entropy throughout.
    """

    structure: StructurePlan | None = None

    def structure_at(self, step: int) -> StructurePlan | None:
        """Return the plan if it counts at a step."""
        plan = self.structure
        return plan if plan and step >= round((1 - plan.share) * self.steps) else None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ParserRecipe:
        """Return the recipe that `to_dict` wrote, also after a round through JSON."""
        plan = values["structure"]
        structure = StructurePlan(**plan) if plan else None
        recipe = super().from_dict(values | {"structure": structure})
        assert isinstance(recipe, cls)
        return recipe


def read_recipe(values: dict[str, Any]) -> Recipe:
    """Return the recipe of any run, from what its checkpoint says."""
    kind = ParserRecipe if "structure" in values else Recipe
    return kind.from_dict(values)
