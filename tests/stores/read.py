"""Prints, as JSON, what python-registry sees in a SOFTWARE hive.

`keys`: each key's path with a digest of its descriptor and values. `stores`: for each store of the machine, each key of a
certificate with the properties of its `Blob`, in hexadecimal. The blob is taken apart after [MS-GPEF] 2.2.1.1.1.1.
"""

import hashlib
import json
import struct
import sys

from Registry import Registry


def data_of(value):
    record = value._vkrecord
    return bytes(record.raw_data() or b"")[: record.data_length()]


def digest(key):
    guard = key._nkrecord.sk_record()
    state = hashlib.sha256(bytes(guard.unpack_binary(0x14, guard.unpack_dword(0x10))))
    for value in sorted(key.values(), key=lambda value: value.name()):
        state.update(repr((value.name(), value.value_type(), data_of(value))).encode())
    return state.hexdigest()


def walk(key, path, keys):
    keys[path] = digest(key)
    for below in key.subkeys():
        walk(below, f"{path}\\{below.name()}", keys)


def properties(blob):
    found, at = [], 0
    while at < len(blob):
        number, reserved, length = struct.unpack_from("<III", blob, at)
        data = blob[at + 12 : at + 12 + length]
        assert reserved == 1 and len(data) == length, f"property {number} at byte {at}"
        found.append([number, data.hex()])
        at += 12 + length
    return found


def stores(root):
    found = {}
    for store in root.find_key("Microsoft\\SystemCertificates").subkeys():
        certificates = store.find_key("Certificates").subkeys()
        found[store.name()] = {
            key.name(): {"type": key.value("Blob").value_type(), "blob": properties(data_of(key.value("Blob")))}
            for key in certificates
        }
    return found


root = Registry.Registry(sys.argv[1]).root()
keys = {}
walk(root, "", keys)
json.dump({"keys": keys, "stores": stores(root)}, sys.stdout)
