"""The paper's GPSNet on the larger backbone of DeepLab v2: ResNet-101, 41 x 41 grids.

    peopleparse train recipes/gpsnet_resnet101.py --data DATA --run RUN

One GPU, days; on CPU cores only a few steps. The schedule is that of recipes/gpsnet_vgg16.py. No
score is claimed: nobody has run it to its end. What differs from the paper stands in
docs/networks.md.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    model="gpsnet_resnet101",
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
