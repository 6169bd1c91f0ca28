"""The paper's size: GPSNet on DeepLab v2's VGG-16, 41 x 41 grids, its schedule.

    peopleparse train recipes/gpsnet_vgg16.py --data DATA --run RUN

One GPU, days; on CPU cores only a few steps. SGD at .001, a tenth after 50,000 steps, batch 2 (GPS
paper, section 5). The paper does not give the length; 75,000 steps are assumed. No score is
claimed: nobody has run it to its end.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    model="gpsnet_vgg16",
    backbone="",
    steps=75_000,
    batch=2,
    rois=8,
    warmup=500,
    phases=(Phase(1.0, (384, 512), (512, 384)),),
    optimizer="sgd",
    lr=1e-3,
    lr_step=50_000,
    weight_decay=5e-4,
)
