"""Prints all that python-registry sees in a hive: a line for each key and for each value, tabs between the parts."""

import hashlib
import sys

from Registry import Registry


def digest(data):
    return hashlib.sha256(bytes(data)).hexdigest()


def walk(key, path):
    record = key._nkrecord
    guard = record.sk_record()
    descriptor = guard.unpack_binary(0x14, guard.unpack_dword(0x10))
    print("K", path, record.unpack_qword(0x4), record.unpack_word(0x2), record.classname(), digest(descriptor), sep="\t")
    for value in key.values():
        record = value._vkrecord
        length = record.data_length()
        data = (record.raw_data() or b"")[:length]
        print("V", record.name().replace("\n", "\\n"), record.unpack_dword(0xC), length, digest(data), record.unpack_word(0x10), sep="\t")
    for subkey in key.subkeys():
        walk(subkey, path + "\\" + subkey.name())


sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
walk(Registry.Registry(sys.argv[1]).root(), "")
