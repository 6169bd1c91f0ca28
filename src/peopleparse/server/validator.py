"""The process that reads an archive. It has the open archive and the public manifest, nothing else.

    python -m peopleparse.server.validator ARCHIVE_FD REPORT_FD PARENT MEMORY SECONDS

The manifest comes on its standard input; labels go out on its standard output, as frames, to the
process that grades; what it found goes to the report. From its first byte of the archive on it can
open neither files nor sockets.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import struct
import sys

import numpy as np
from PIL import Image

from peopleparse.labels import get_scheme, scheme_names
from peopleparse.server import sandbox
from peopleparse.server.archive import Archive, read_images
from peopleparse.server.frames import pack_labels
from peopleparse.server.manifest import Manifest
from peopleparse.server.probes import Probe

READY = b"ready\n"
GRADER_GONE, NEEDS_MORE = 4, 5  # what ended it was no fault of the archive


def main(arguments: list[str]) -> int:
    """Check one archive; return 0 where all of it was looked at."""
    archive_fd, report_fd, parent, memory, seconds = map(int, arguments)
    sandbox.die_with(parent)
    labels_fd = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not come between the labels
    manifest = Manifest.from_dict(json.load(sys.stdin.buffer))
    load_everything(manifest)
    with os.fdopen(archive_fd, "rb") as file:
        sandbox.limit_resources(memory, seconds)
        sandbox.forbid_opening()
        os.write(report_fd, READY)
        archive = Archive(file, manifest)
        probe = Probe(tuple(manifest.sizes))
        try:
            _send(archive, probe, labels_fd)
        except BrokenPipeError:
            return GRADER_GONE
        except PermissionError:
            return NEEDS_MORE
    _report(report_fd, archive, probe)
    return 0


def load_everything(manifest: Manifest) -> None:
    """Make Python load what it would load later, when it can open nothing any more."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((1, 1), np.uint16)).save(buffer, format="PNG")
    with Image.open(buffer, formats=["PNG"]) as image:
        np.array(image)
    np.unique(np.zeros(1, np.uint8))  # numpy loads some of itself when it is used
    for name in ("utf-8-sig", "ascii", "latin-1", "unicode_escape"):
        codecs.lookup(name)
    for name in scheme_names():
        get_scheme(name)
    assert manifest.scheme.num_ids


def _send(archive: Archive, probe: Probe, out: int) -> None:
    """Send the labels of all images, as long as nothing is wrong with the archive."""
    for image_id, labels in read_images(archive):
        probe.add(image_id, labels)
        if not archive.faults:
            _write_all(out, b"".join(pack_labels(image_id, labels, {})))
    os.close(out)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _report(handle: int, archive: Archive, probe: Probe) -> None:
    head = {
        "faults": [vars(fault) for fault in archive.faults.listed],
        "count": archive.faults.count,
        "constant": probe.constant,
    }
    body = json.dumps(head).encode()
    _write_all(handle, struct.pack("<I", len(body)) + body + probe.prints.astype("<u4").tobytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
