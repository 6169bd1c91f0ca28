"""Files of stores: fsspec's store in memory for what is right, and what is said where it is not."""

from __future__ import annotations

import os
import sys

import pytest

from peopleparse.errors import InputError
from peopleparse.inference import remote_files
from peopleparse.inference.remote_files import (
    StoreError,
    list_names,
    list_photos,
    read_ahead,
    read_bytes,
    remove_file,
    write_whole,
)

needs_root_fails = pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0),
    reason="nothing is forbidden to this user",
)


@pytest.fixture
def store(request):
    """A folder in fsspec's memory, empty again after the test."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    root = f"memory://{request.node.name.replace('[', '-').rstrip(']')}"
    yield root
    if system.exists(root):
        system.rm(root, recursive=True)


def test_a_store_holds_what_is_written(store):
    path = f"{store}/out/a.tar"
    assert list_names(f"{store}/out") == set()
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert (list_names(f"{store}/out"), read_bytes(path)) == ({"a.tar"}, b"two")
    remove_file(path)
    assert list_names(f"{store}/out") == set()


def test_a_disk_holds_what_is_written_and_no_rest(tmp_path):
    path = tmp_path / "new" / "a.tar"
    assert list_names(tmp_path / "new") == set()
    write_whole(path, b"one")
    write_whole(str(path), b"two")
    assert list_names(tmp_path / "new") == {"a.tar"} and read_bytes(path) == b"two"
    remove_file(path)
    remove_file(path)
    assert list_names(tmp_path / "new") == set()


def test_what_breaks_off_leaves_no_rest(tmp_path, monkeypatch):
    def full(*paths):
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "a", b"old")
    monkeypatch.setattr(remote_files.os, "replace", full)
    with pytest.raises(StoreError, match=r"output must be .*, got 'No space left on device', at "):
        write_whole(tmp_path / "a", b"new")
    assert os.listdir(tmp_path) == ["a"] and read_bytes(tmp_path / "a") == b"old"


def test_photos_of_stores_and_disks_in_order(store, tmp_path):
    for name in ("b/2.jpg", "b/1.PNG", "a.webp", "notes.txt", ".hidden/3.jpg", "x_overlay.jpg"):
        write_whole(f"{store}/in/{name}", b"1")
    write_whole(f"{store}/in/out/4.jpg", b"1")
    (tmp_path / "5.jpg").touch()
    found = list_photos([f"{store}/in", tmp_path, f"{store}/in/b/2.jpg"], skip=f"{store}/in/out")
    names = [path.split("/in/")[-1] for path in found[:-1]]
    assert names == ["a.webp", "b/1.PNG", "b/2.jpg"] and found[-1] == str(tmp_path / "5.jpg")
    assert all(read_bytes(path) == b"1" for path in found[:-1])
    assert len(list_photos([f"{store}/in/*/*.jpg"])) == 2
    with pytest.raises(InputError, match="source must hold images, got none, at memory://"):
        list_photos([f"{store}/nothing"])


def test_reading_ahead_keeps_the_order_and_each_error_its_place(store):
    paths = [f"{store}/{number}" for number in range(20)]
    for number in (n for n in range(20) if n != 5):
        write_whole(paths[number], b"%d" % number)
    found = list(read_ahead(paths))
    assert isinstance(found.pop(5), InputError)
    assert found == [b"%d" % n for n in range(20) if n != 5]
    assert list(read_ahead([])) == []


def test_reading_ahead_stops_where_the_store_fails(monkeypatch):
    def fail(path):
        raise StoreError("the store is gone")

    monkeypatch.setattr(remote_files, "read_bytes", fail)
    with pytest.raises(StoreError, match="gone"):
        list(read_ahead(["s3://a/b", "s3://a/c"]))


def test_what_is_missing(tmp_path, store):
    for path in (str(tmp_path / "none"), f"{store}/none"):
        with pytest.raises(
            InputError, match="file must exist, got none, at .*none. Check"
        ) as found:
            read_bytes(path)
        assert not isinstance(found.value, StoreError)


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("nowhere://a/b", r"got 'nowhere://', at nowhere://a/b\. Use s3://, gs:// or a local"),
        ("s3://KEY:PASSWORD@bucket/b", r"without user and password, got some, at s3://bucket/b\. "),
        ("file:///etc/b", r"path of a disk must be plain, got file:///etc/b\. Leave out 'file://'"),
    ],
)
def test_urls_that_cannot_be(url, match):
    pytest.importorskip("fsspec")
    for call in (read_bytes, list_names, lambda path: write_whole(path, b"")):
        with pytest.raises(StoreError, match=match) as found:
            call(url)
        assert "PASSWORD" not in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize(("module", "named"), [("fsspec.core", "fsspec"), ("s3fs", "s3fs")])
def test_a_library_that_is_not_installed(monkeypatch, module, named):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, module, None)
    fsspec.config.conf.pop("s3", None)
    for name in ("s3", "s3a"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, name, raising=False)
    with pytest.raises(StoreError, match=rf"(?i){named}.*[Ii]nstall.*peopleparse\[scale\]"):
        read_bytes("s3://bucket/a.jpg")


@needs_root_fails
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="output must be .*, got 'Permission denied', at"):
        write_whole(tmp_path / "a", b"1")


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(StoreError, match="output must be .*, at "):
        list_names(tmp_path / "a")


@pytest.fixture(scope="module")
def s3_server():
    """An S3 server on this machine."""
    pytest.importorskip("s3fs")
    pytest.importorskip("flask", reason="moto's server needs flask")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The URL of a bucket, reached as a user reaches a store of their own."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    system = s3fs.S3FileSystem()
    if not system.exists("photos"):
        system.mkdir("photos")
    yield "s3://photos"
    s3fs.S3FileSystem.clear_instance_cache()


def test_s3_holds_what_is_written(s3):
    write_whole(f"{s3}/in/a.jpg", b"1")
    write_whole(f"{s3}/in/b.txt", b"1")
    assert list_photos([s3]) == [f"{s3}/in/a.jpg"]
    assert list_names(f"{s3}/in") == {"a.jpg", "b.txt"} and list_names(f"{s3}/none") == set()
    assert read_bytes(f"{s3}/in/a.jpg") == b"1"
    remove_file(f"{s3}/in/b.txt")
    assert list_names(f"{s3}/in/") == {"a.jpg"}
    with pytest.raises(InputError, match="file must exist, got none, at s3://photos/none"):
        read_bytes(f"{s3}/none")


def test_s3_without_its_bucket(s3):
    for call in (read_bytes, list_names, lambda path: write_whole(path, b"1")):
        with pytest.raises(
            StoreError, match=r"got 'The specified bucket does not exist', at s3://"
        ):
            call("s3://no-such-bucket/a")


def test_s3_without_credentials(s3, monkeypatch, tmp_path):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreError, match=r"got 'Unable to locate credentials'.*AWS_ACCESS_KEY_ID"):
        read_bytes(f"{s3}/a")
