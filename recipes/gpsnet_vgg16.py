"""The paper's size: GPSNet on DeepLab v2's VGG-16, 41 x 41 grids, its schedule.

    peopleparse train recipes/gpsnet_vgg16.py --data DATA --run RUN

One GPU, days; on CPU cores only a few steps. SGD at .001, a tenth after 50,000 steps, batch 2 (GPS
paper, section 5); momentum .9 and weight decay 5e-4 are DeepLab v2's. The paper does not give the
length and the size of images: 75,000 steps and whole scenes of 384 x 512 are assumed. No score is
claimed: nobody has run it to its end. What differs from the paper stands in docs/networks.md.
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
