"""Prints, as JSON, what python-registry sees of the services in a SYSTEM hive: by service, each value's type and data.

Failure actions are taken apart after [MS-SCMR] 2.2.37: reset period, two flags, count, offset, then type and delay of each.
"""

import json
import struct
import sys

from Registry import Registry

KINDS = {0: "nothing", 1: "restart", 2: "reboot", 3: "run"}


def failure_actions(data):
    reset, _, _, count, _ = struct.unpack_from("<5I", data)
    assert len(data) == 20 + 8 * count, len(data)
    pairs = [struct.unpack_from("<2I", data, 20 + 8 * number) for number in range(count)]
    return {"reset": reset, "actions": [[KINDS[kind], delay] for kind, delay in pairs]}


def seen(value):
    data = value.value()
    if value.name() == "FailureActions":
        data = failure_actions(data)
    elif isinstance(data, bytes):
        data = data.hex()
    elif isinstance(data, list):
        data = [text for text in data if text]
    return [value.value_type_str(), data]


root = Registry.Registry(sys.argv[1]).root()
services = root.find_key("ControlSet001\\Services").subkeys()
json.dump({key.name(): {value.name(): seen(value) for value in key.values()} for key in services}, sys.stdout)
