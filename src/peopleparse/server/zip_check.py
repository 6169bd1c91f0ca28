"""The members of a zip archive, from bytes that nobody vouches for; nothing is unpacked here.

Every entry of the directory must be plain: stored or deflated, not encrypted, a file or folder;
names must be safe and differ; the local headers must say the same; and members must lie behind one
another without a gap, so that no byte belongs to two of them or to none.

Source: PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.12, 4.4 and 4.5.3.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from dataclasses import dataclass

from peopleparse.server.fault_list import FaultList, show
from peopleparse.server.zip_end import Directory, ReadAt, find_directory

STORED, DEFLATED = 0, 8
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY_MARK, _LOCAL_MARK, _DESCRIPTOR_MARK = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_DESCRIPTOR, _UTF8 = 1 << 3, 1 << 11
_KNOWN_FLAGS = 0b110 | _DESCRIPTOR | _UTF8  # how hard deflate tried, too
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_MAX32 = 0xFFFFFFFF
_MOST_NAME, _MOST_EXTRA = 255, 1024
_LEAST_ROOM = 1 << 20  # so that a single long name is refused as one
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd",
            95: "xz", 98: "PPMd", 99: "AES"}  # fmt: skip
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\:]|(?:^|/)\.{1,2}(?:/|$)|^/|//")
_BIDI = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes:
        name: with '/' between folders; of a folder it ends with one.
        method: STORED or DEFLATED.
        packed, size: bytes in the archive, and unpacked.
        crc: of the unpacked bytes.
        start: where its local header begins.
        end: where the next one's does.
    """

    name: str
    raw_name: bytes
    flags: int
    method: int
    packed: int
    size: int
    crc: int
    start: int
    end: int = 0


def list_members(read: ReadAt, size: int, most: int, faults: FaultList) -> list[Member]:
    """Return the members in the order in which they lie; those of a broken archive are none.

    Args:
        read: returns bytes of the file.
        size: bytes of the file.
        most: files and folders that an archive may have.
        faults: takes what is wrong.
    """
    found = find_directory(read, size, faults)
    if found is None:
        return []
    if found.count > most:
        faults.add("too-many-files", "", f"at most {most} files", f"{found.count}")
        return []
    longest = _LEAST_ROOM + found.count * (_ENTRY.size + _MOST_NAME + _MOST_EXTRA)
    if found.end - found.start > longest:
        faults.add("zip-directory", "", f"a directory of at most {longest} bytes", "a longer one")
        return []
    members = _read_entries(read(found.start, found.end - found.start), found, faults)
    return [] if faults else _lay_out(members, found.start, faults)


def _read_entries(data: bytes, found: Directory, faults: FaultList) -> list[Member]:
    members: list[Member] = []
    names: dict[str, str] = {}
    at = 0
    for _ in range(found.count):
        if at + _ENTRY.size > len(data) or data[at : at + 4] != _ENTRY_MARK:
            faults.add("zip-directory", "", f"{found.count} entries", f"{len(members)} whole ones")
            return []
        fields = _ENTRY.unpack_from(data, at)
        name_at = at + _ENTRY.size
        name_length, extra_length, comment_length = fields[10:13]
        raw = data[name_at : name_at + name_length]
        extra = data[name_at + name_length : name_at + name_length + extra_length]
        at = name_at + name_length + extra_length + comment_length
        if at > len(data):
            faults.add("zip-directory", raw, "an entry inside the directory", "one beyond it")
            return []
        member = _read_entry(fields, raw, extra, found.start, faults)
        if member is None:
            continue
        twin = names.setdefault(member.name.casefold(), member.name)
        if len(names) <= len(members):
            same = twin == member.name
            code = "zip-duplicate" if same else "name-case"
            faults.add(code, member.name, "each name once", "it again" if same else show(twin))
        members.append(member)
    if at != len(data):
        faults.add("zip-directory", "", f"{found.count} entries", "bytes behind the last one")
    return members


def _read_entry(
    fields: tuple[int, ...], raw: bytes, extra: bytes, limit: int, faults: FaultList
) -> Member | None:
    """Return one entry of the directory; None where it is unfit."""
    flags, method = fields[3:5]
    crc, packed, size = fields[7:10]
    disk, attributes, start = fields[13], fields[15], fields[16]
    before = faults.count
    name = _read_name(raw, faults)
    if flags & _ENCRYPTED:
        faults.add("zip-encrypted", raw, "a file without a password", "an encrypted one")
    elif flags & ~_KNOWN_FLAGS:
        faults.add("zip-flags", raw, "a plain entry", f"flags {flags:#06x}")
    if method not in (STORED, DEFLATED):
        kind = _METHODS.get(method, f"method {method}")
        faults.add("zip-method", raw, "stored or deflated", kind)
    kind_of_file = stat.S_IFMT(attributes >> 16)
    wanted = (0, stat.S_IFDIR) if name.endswith("/") else (0, stat.S_IFREG)
    if kind_of_file not in wanted:
        what = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a folder"}
        found = what.get(kind_of_file, f"mode {kind_of_file:#o}")
        faults.add("zip-type", raw, "a plain file", found)
    if disk:
        faults.add("zip-split", raw, "an archive in one piece", f"disk {disk}")
    values = _widen([size, packed, start], _fields_of(extra, raw, faults))
    if values is None:
        faults.add("zip64", raw, "its ZIP64 numbers", "none")
        return None
    size, packed, start = values
    if start >= limit or start + packed > limit:
        faults.add("zip-directory", raw, "a file inside the archive", "one beyond it")
    if method == STORED and packed != size:
        faults.add("zip-size", raw, f"{packed} bytes, for it is stored", f"{size}")
    if name.endswith("/") and size:
        faults.add("zip-size", raw, "a folder without bytes", f"{size}")
    if faults.count > before:
        return None
    return Member(name, raw, flags, method, packed, size, crc, start)


def _read_name(raw: bytes, faults: FaultList) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        faults.add("path", raw, "a name in UTF-8", raw)
        return ""
    if not name or len(raw) > _MOST_NAME:
        faults.add("path", raw, f"a name of 1 to {_MOST_NAME} bytes", f"{len(raw)}")
    elif _UNSAFE.search(name) or _BIDI.search(name):
        faults.add("path", raw, "a plain name inside the archive, parted by '/'", raw)
    return name


def _fields_of(extra: bytes, raw: bytes, faults: FaultList) -> bytes | None:
    """Return the ZIP64 field of an entry, None without one."""
    at, wide, seen = 0, None, False
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if len(body) < length:
            break  # padding of some writers, which nobody reads
        if kind == _ZIP64:
            if seen:
                faults.add("zip64", raw, "one ZIP64 field", "two")
            wide, seen = body, True
        elif kind == _UNICODE_PATH and body[5:] != raw:
            faults.add("path", raw, "one name", body[5:])
        at += 4 + length
    return wide


def _widen(values: list[int], wide: bytes | None) -> list[int] | None:
    """Return numbers of 32 bits with those that did not fit; None where they are missing."""
    at = 0
    for index, value in enumerate(values):
        if value == _MAX32:
            if wide is None or at + 8 > len(wide):
                return None
            values[index] = struct.unpack_from("<Q", wide, at)[0]
            at += 8
    return values


def _lay_out(members: list[Member], end: int, faults: FaultList) -> list[Member]:
    """Return the members in their order in the file, each with the place where the next begins."""
    ordered = sorted(members, key=lambda member: member.start)
    if ordered[0].start:
        faults.add("zip-prefix", "", "the first file at the first byte", f"{ordered[0].start}")
    starts = [*(member.start for member in ordered[1:]), end]
    found = []
    for member, after in zip(ordered, starts, strict=True):
        least = member.start + _LOCAL.size + len(member.raw_name) + member.packed
        if least > after:
            code, what = "zip-overlap", "two that share bytes"
            faults.add(code, member.raw_name, "files that lie behind one another", what)
            return []
        fields = (member.name, member.raw_name, member.flags, member.method)
        numbers = (member.packed, member.size, member.crc, member.start)
        found.append(Member(*fields, *numbers, after))
    return [] if faults else found


def read_member(read: ReadAt, member: Member, faults: FaultList) -> bytes | None:
    """Return the bytes of a member; None where its header, length or checksum is wrong."""
    data = read(member.start, member.end - member.start)
    body = _check_local(data, member, faults)
    if body is None:
        return None
    found = body if member.method == STORED else _inflate(body, member, faults)
    if found is not None and zlib.crc32(found) != member.crc:
        faults.add("zip-crc", member.raw_name, f"checksum {member.crc:08x}", "other bytes")
        return None
    return found


def _inflate(body: bytes, member: Member, faults: FaultList) -> bytes | None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(body, member.size + 1)
    except zlib.error as error:
        faults.add("zip-data", member.raw_name, "deflated bytes", f"{error}")
        return None
    if len(found) != member.size or not inflater.eof or inflater.unused_data:
        got = "more" if len(found) > member.size else "others"
        faults.add("zip-size", member.raw_name, f"{member.size} bytes, as its entry says", got)
        return None
    return found


def _check_local(data: bytes, member: Member, faults: FaultList) -> bytes | None:
    """Return the packed bytes of a member whose local header says what the directory does."""
    if len(data) < _LOCAL.size or data[:4] != _LOCAL_MARK:
        faults.add("zip-local", member.raw_name, "a local header", "none where its entry says")
        return None
    fields = _LOCAL.unpack_from(data)
    flags, method, crc, packed, size, name_length, extra_length = (*fields[2:4], *fields[6:])
    start = _LOCAL.size + name_length + extra_length
    name = data[_LOCAL.size : _LOCAL.size + name_length]
    extra = data[_LOCAL.size + name_length : start]
    late = bool(flags & _DESCRIPTOR)
    values = _widen([size, packed], _fields_of(extra, member.raw_name, faults))
    same = (flags, method, name) == (member.flags, member.method, member.raw_name)
    if late:  # numbers stand behind the bytes; before them is nothing, or the same
        given = [crc, *(values or [0, 0])]
        known = (member.crc, member.size, member.packed)
        same &= all(a in (0, b) for a, b in zip(given, known, strict=True))
    else:
        same &= [crc, *(values or [])] == [member.crc, member.size, member.packed]
    if not same:
        faults.add("zip-local", member.raw_name, "the same in header and directory", "two versions")
        return None
    rest = data[start + member.packed :]
    if start + member.packed > len(data):
        faults.add("zip-overlap", member.raw_name, "files that lie behind one another", "overlap")
        return None
    if rest not in (_descriptors(member) if late else (b"",)):
        faults.add("zip-gap", member.raw_name, "no bytes between files", f"{len(rest)}")
        return None
    return data[start : start + member.packed]


def _descriptors(member: Member) -> tuple[bytes, ...]:
    found = []
    for form in ("<3I", "<I2Q"):
        if form == "<3I" and max(member.packed, member.size) > _MAX32:
            continue
        body = struct.pack(form, member.crc, member.packed, member.size)
        found += [body, _DESCRIPTOR_MARK + body]
    return tuple(found)
