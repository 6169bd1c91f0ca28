"""Files of this machine and of object stores (s3://, gs://, ...) behind one set of calls.

Stores are reached through fsspec, which takes credentials and endpoints from where each store's own
tools take them (for S3: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, profiles, roles).
"""

from __future__ import annotations

import os
import re
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peopleparse.errors import InputError
from peopleparse.inference.photos import IMAGE_ENDINGS, RESULT_ENDINGS, find_photos

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_SECRETS = re.compile(r"(?<=://)[^/@]*@|[?#].*$")
# A store that does not answer must end a run, not hold it: seconds for each of a few tries.
_S3_LIMITS = {"connect_timeout": 10, "read_timeout": 60}
_AHEAD = 8  # files on their way while a photo is parsed: a store answers late, but many at once


class StoreError(InputError):
    """A whole store or folder cannot be used: no photo's own fault, and no reason to go on."""


def is_remote(path: str | Path) -> bool:
    """Tell whether a path is one of a store.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("photos/a.jpg")
    (True, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def show_path(path: str | Path) -> str:
    """Return a path as it may be printed: without user, password and signature.

    >>> show_path("s3://KEY:SECRET@bucket/a.jpg?X-Signature=1")
    's3://bucket/a.jpg'
    """
    return _SECRETS.sub("", str(path)) if is_remote(path) else str(path)


def join_path(folder: str | Path, name: str) -> str:
    """Return the path of a file in a folder of either kind.

    >>> join_path("s3://bucket/out/", "a.tar")
    's3://bucket/out/a.tar'
    """
    if is_remote(folder):
        return f"{str(folder).rstrip('/')}/{name}"
    return str(Path(folder) / name)


def list_photos(sources: Iterable[str | Path], skip: str | Path | None = None) -> list[str]:
    """Return the photos that paths, globs and URLs stand for, each once, in order.

    A URL that ends in the ending of an image is one photo; any other is a prefix under which all
    images are taken, in the order of their names. For local paths see `find_photos`.

    Args:
        sources: paths, glob patterns or URLs.
        skip: a folder whose files are not photos: where results are written.

    Raises:
        StoreError: a store cannot be reached or listed.
        InputError: a source stands for nothing.
    """
    photos: dict[str, None] = {}
    for source in sources:
        if is_remote(source):
            photos.update(dict.fromkeys(_list_remote(str(source), skip)))
        else:
            local = None if skip is None or is_remote(skip) else skip
            photos.update(dict.fromkeys(str(path) for path in find_photos([source], local)))
    return list(photos)


def list_names(folder: str | Path) -> set[str]:
    """Return the names of the files in a folder, none where it does not exist.

    Raises:
        StoreError: it cannot be listed.
    """
    if not is_remote(folder):
        try:
            return {entry.name for entry in os.scandir(folder)}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise _not_usable("output", folder, error.strerror or str(error)) from error
    with _clear_errors("output", folder):
        system, path = _open_store(str(folder))
        system.invalidate_cache(path)
        try:
            return {str(name).rsplit("/", 1)[-1] for name in system.ls(path, detail=False)}
        except FileNotFoundError as error:
            if _is_bucket_missing(error):
                raise
            return set()


def read_bytes(path: str | Path) -> bytes:
    """Return a whole file.

    Raises:
        StoreError: its store cannot be reached or does not let us read.
        InputError: there is no such file.
    """
    with _clear_errors("file", path):
        try:
            if not is_remote(path):
                return Path(path).read_bytes()
            system, inside = _open_store(str(path))
            data: bytes = system.cat_file(inside)
            return data
        except FileNotFoundError as error:
            if _is_bucket_missing(error):
                raise
            raise InputError(
                f"file must exist, got none, at {show_path(path)}. Check the path."
            ) from error


def read_ahead(paths: Sequence[str]) -> Iterator[bytes | InputError]:
    """Yield files of a store in order, several on their way at once; an error in its file's place.

    Raises:
        StoreError: the store cannot be reached or does not let us read.
    """
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting = deque(pool.submit(read_bytes, path) for path in paths[:_AHEAD])
        try:
            for number in range(len(paths)):
                try:
                    yield waiting.popleft().result()
                except StoreError:
                    raise
                except InputError as error:
                    yield error
                if number + _AHEAD < len(paths):
                    waiting.append(pool.submit(read_bytes, paths[number + _AHEAD]))
        finally:
            for future in waiting:
                future.cancel()


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all, over one that is there.

    On a disk it is written under a passing name and renamed; a store shows an object only when all
    of it has arrived.

    Raises:
        StoreError: the place cannot be written to.
    """
    with _clear_errors("output", path):
        if is_remote(path):
            system, inside = _open_store(str(path))
            system.pipe_file(inside, data)
            return
        folder, name = Path(path).parent, Path(path).name
        folder.mkdir(parents=True, exist_ok=True)
        passing = folder / f".{name}.{secrets.token_hex(4)}.part"
        try:
            with passing.open("xb") as file:
                file.write(data)
            os.replace(passing, path)
        except BaseException:
            passing.unlink(missing_ok=True)
            raise


def remove_file(path: str | Path) -> None:
    """Remove a file.

    Raises:
        StoreError: it cannot be removed.
    """
    with _clear_errors("output", path):
        if is_remote(path):
            system, inside = _open_store(str(path))
            system.rm_file(inside)
        else:
            Path(path).unlink(missing_ok=True)


def _list_remote(source: str, skip: str | Path | None) -> Iterator[str]:
    with _clear_errors("source", source):
        system, path = _open_store(source)
        if _is_image(path) and "*" not in path:
            yield system.unstrip_protocol(path)  # the one spelling that a listing gives, too
            return
        skipped = None
        if skip is not None and is_remote(skip):
            skipped = _open_store(str(skip))[1].rstrip("/") + "/"
        found = 0
        names = system.glob(path) if "*" in path else system.find(path)
        for name in sorted(str(name) for name in names):
            hidden = any(part.startswith(".") for part in name.split("/"))
            result = skipped is not None and name.startswith(skipped)
            if _is_image(name) and not hidden and not result:
                found += 1
                yield system.unstrip_protocol(name)
        if not found:
            raise InputError(
                f"source must hold images, got none, at {show_path(source)}. "
                f"Endings looked for: {' '.join(sorted(IMAGE_ENDINGS))}."
            )


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_ENDINGS and not name.endswith(RESULT_ENDINGS)


def _open_store(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise StoreError(
            f"fsspec must be installed for stores, got none, at {show_path(url)}. "
            "Install it: pip install 'peopleparse[scale]'"
        ) from error
    _check_url(url)
    options: dict[str, Any] = {}
    if url.lower().startswith(("s3://", "s3a://")):
        from fsspec.config import conf

        given = conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {**_S3_LIMITS, **given}
    system, path = url_to_fs(url, **options)
    return system, path


def _check_url(url: str) -> None:
    scheme, _, rest = url.partition("://")
    if scheme.lower() in ("file", "local"):
        raise StoreError(f"path of a disk must be plain, got {url}. Leave out '{scheme}://'.")
    if "@" in rest.partition("/")[0]:
        # They would be written into the results beside each photo's name.
        raise StoreError(
            f"URL must be without user and password, got some, at {show_path(url)}. "
            "Give them as the store's own tools take them, for S3 in AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )


@contextmanager
def _clear_errors(what: str, path: str | Path) -> Iterator[None]:
    """Turn whatever a store raises into one line that names the path, without credentials."""
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        way_out = "Install it: pip install 'peopleparse[scale]', and gcsfs for gs://"
        raise _not_usable(what, path, _one_line(error), way_out) from error
    except ValueError as error:
        if not str(error).startswith("Protocol not known"):
            raise _not_usable(what, path, _one_line(error)) from error
        scheme = str(path).partition("://")[0]
        raise StoreError(
            f"{what} must be on a disk or in a store that fsspec knows, got '{scheme}://', at "
            f"{show_path(path)}. Use s3://, gs:// or a local path."
        ) from error
    except Exception as error:  # each store has its own types, unknown to others
        raise _not_usable(what, path, _reason(error), _way_out(error)) from error


def _not_usable(what: str, path: str | Path, reason: str, way_out: str | None = None) -> StoreError:
    if way_out is None:
        way_out = "Check the path and its permissions"
    return StoreError(
        f"{what} must be in a place that can be used, got '{reason}', at {show_path(path)}. "
        f"{way_out}."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not error.__cause__:
        return error.strerror
    return _one_line(error)


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return re.sub(r"(?<=://)[^/@\s]*@", "", lines[0]) if lines else type(error).__name__


def _way_out(error: Exception) -> str | None:
    name = type(error).__name__
    if "Credential" in name or "credential" in str(error):
        return "Set the store's credentials, for S3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if _is_bucket_missing(error):
        return "Make the bucket or check its name"
    if "Connect" in name or "Timeout" in name:
        return "Check the network and, for a store of your own, AWS_ENDPOINT_URL"
    return None


def _is_bucket_missing(error: BaseException) -> bool:
    return "bucket" in str(error).lower() and isinstance(error, FileNotFoundError)
