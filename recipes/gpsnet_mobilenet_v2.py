"""The shipped model: GPSNet on MobileNetV2.

    peopleparse train recipes/gpsnet_mobilenet_v2.py --data DATA --run RUN

DATA holds ccp/ (Clothing Co-Parsing), backgrounds/ (photos without people) and backbones/.
Split: by SHA-256 of the photo id, 753 people to train and 109 to validate (data/splits.py), two
photos to validate left out because training has the same picture; nobody of one is in a scene of
the other, nor is any background.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    model="gpsnet_mobilenet_v2",
    steps=4800,
    batch=8,
    rois=20,
    phases=(
        Phase(0.375, (288, 384), (384, 256)),
        Phase(0.72, (288, 384), (384, 256), closeups=0.3),
        Phase(1.0, (384, 512), (512, 352), closeups=0.3),
    ),
)
