"""The shipped model's second half: from the first network on, with more people and other scenes.

    peopleparse train recipes/gpsnet_mobilenet_v2.py --data DATA --run FIRST
    peopleparse export FIRST/last.pt FIRST_MODEL
    peopleparse data bystanders DATA/bystanders --root DATA/ccp --model FIRST_MODEL
    peopleparse data pseudo-labels DATA/pseudo_labels --root DATA/ccp --model FIRST_MODEL
    peopleparse train recipes/gpsnet_mobilenet_v2_more.py --data DATA --run RUN \\
        --set init=FIRST_MODEL
    peopleparse export RUN/last.pt SECOND_MODEL \\
        --passport recipes/gpsnet_mobilenet_v2_more.passport.json
    python tools/average_networks.py FIRST_MODEL SECOND_MODEL --out AVERAGE
    python tools/tune_labels.py DATA AVERAGE MODEL

The first network found the bystanders that the loss leaves out, and drew, told what is worn, the
maps of the photos that have garment tags only (docs/scenes.md). What ships is the average of both,
tuned in how readily it draws each label; share and tuning were chosen on people to train.
"""

from peopleparse.training.recipe import Phase, Recipe

RECIPE = Recipe(
    init="gpsnet_mobilenet_v2",
    steps=4600,
    batch=8,
    rois=20,
    lr=6e-4,
    average=0.999,
    photo_every=2,
    rarity=0.6,
    label_power=0.3,
    faults=0.15,
    occluders=0.15,
    cuts=0.2,
    blended=0.2,
    bystanders=True,
    tagged=True,
    presence=True,
    loss_presence=2.0,
    loss_face=1.0,
    phases=(
        Phase(0.3, (288, 384), (512, 352), closeups=0.3),
        Phase(1.0, (384, 512), (512, 352), closeups=0.3),
    ),
)
