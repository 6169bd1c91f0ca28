"""The baseline Ins.+Glo. at the shipped size: a parser of whole images, and Mask R-CNN.

    peopleparse train recipes/ins_glo_mobilenet_v2.py --data DATA --run RUN

DATA, steps and images a step are those of recipes/gpsnet_mobilenet_v2.py; both networks start from
the same weights file.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    model="ins_glo_mobilenet_v2",
    steps=4800,
    batch=8,
    phases=(
        Phase(0.375, (288, 384), (384, 256)),
        Phase(0.72, (288, 384), (384, 256), closeups=0.3),
        Phase(1.0, (384, 512), (512, 352), closeups=0.3),
    ),
)
