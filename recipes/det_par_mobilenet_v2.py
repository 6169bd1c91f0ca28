"""The baseline Det.+Par. at the shipped size: Faster R-CNN, then a parser of single persons.

    peopleparse train recipes/det_par_mobilenet_v2.py --data DATA --run RUN

DATA, steps, images and persons a step are those of recipes/gpsnet_mobilenet_v2.py; both networks
start from the same weights file.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    model="det_par_mobilenet_v2",
    steps=4800,
    batch=8,
    rois=20,
    phases=(
        Phase(0.375, (288, 384), (384, 256)),
        Phase(0.72, (288, 384), (384, 256), closeups=0.3),
        Phase(1.0, (384, 512), (512, 352), closeups=0.3),
    ),
)
