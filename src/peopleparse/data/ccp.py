"""Clothing Co-Parsing: street photos with garment maps or garment tags, as published.

Source: W. Yang, P. Luo, L. Lin, "Clothing Co-Parsing by Joint Image Segmentation and Labeling",
CVPR 2014; bearpaw/clothing-co-parsing. Layout: `photos/NNNN.jpg`,
`annotations/pixel-level/NNNN.mat` (variable groundtruth) and
`annotations/image-level/NNNN.mat` (variable tags).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import DataError
from peopleparse.labels import get_scheme


@dataclass(frozen=True)
class CcpDataset:
    """The folder of a Clothing Co-Parsing clone.

    Attributes:
        root: folder that holds photos/ and annotations/.
    """

    root: Path

    def __post_init__(self) -> None:
        """Check the layout.

        Raises:
            DataError: a folder of the layout is missing.
        """
        for name in ("photos", "annotations/pixel-level"):
            if not (self.root / name).is_dir():
                raise DataError(
                    f"Clothing Co-Parsing folder must hold {name}/, got none, at {self.root}. "
                    "Clone bearpaw/clothing-co-parsing and name its folder."
                )

    @property
    def parsed_ids(self) -> list[str]:
        """Ids of the photos with a garment map and a photo, sorted."""
        return self._ids("pixel-level")

    @property
    def tagged_ids(self) -> list[str]:
        """Ids of the photos that have tags only, sorted."""
        return self._ids("image-level")

    def _ids(self, kind: str) -> list[str]:
        found = (path.stem for path in (self.root / "annotations" / kind).glob("*.mat"))
        return sorted(i for i in found if self.photo_path(i).is_file())

    def photo_path(self, photo_id: str) -> Path:
        """Return the path of a photo."""
        return self.root / "photos" / f"{photo_id}.jpg"

    def read_photo(self, photo_id: str) -> NDArray[np.uint8]:
        """Read a photo, (H, W, 3) uint8 RGB.

        Raises:
            DataError: the file is missing or is no photo.
        """
        path = self.photo_path(photo_id)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
        if image is None:
            raise DataError(f"photo must be a readable JPEG, got none, at {path}. Clone again.")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)

    def read_garments(self, photo_id: str) -> NDArray[np.uint8]:
        """Read a garment map, (H, W) uint8 ids of scheme ccp.

        Raises:
            DataError: the file is missing, broken, or holds an id outside 0 to 58.
        """
        garments = _read_variable(self._path("pixel-level", photo_id), "groundtruth")
        if garments.max() >= get_scheme("ccp").num_ids:
            raise DataError(
                f"garment ids must be 0 to 58, got {int(garments.max())}, "
                f"at {self._path('pixel-level', photo_id)}. Clone again."
            )
        return garments.astype(np.uint8)

    def read_tags(self, photo_id: str) -> list[str]:
        """Read the garment names of a photo that has tags only.

        Raises:
            DataError: the file is missing or broken.
        """
        tags = _read_variable(self._path("image-level", photo_id), "tags").ravel()
        names = get_scheme("ccp").names
        return [names[int(tag)] for tag in tags if int(tag)]

    def _path(self, kind: str, photo_id: str) -> Path:
        return self.root / "annotations" / kind / f"{photo_id}.mat"


def _read_variable(path: Path, name: str) -> NDArray[np.uint8]:
    try:
        from scipy.io import loadmat  # only readers of .mat files need scipy
    except ImportError as error:
        raise DataError(
            f"reading {path.name} must have scipy, got none, at {path}. "
            "Install it: pip install 'peopleparse[train]'"
        ) from error

    try:
        return np.asarray(loadmat(path)[name])
    except Exception as error:  # scipy has errors of its own for broken files
        raise DataError(
            f"annotation must be a MATLAB file with variable '{name}', got {error}, at {path}. "
            "Clone again."
        ) from error
