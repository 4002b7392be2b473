"""Reads firewall rules, one JSON string a line, and prints what each says, one JSON object a line.

Written from the grammar of [MS-GPFAS] 2.2.2, apart from the program's own parser, and lenient where real rules are: names and
words in any case, several ports in one field, protocols by name, a range of ports from 0.
"""

import ipaddress
import json
import re
import sys

ONCE = {"action", "active", "dir", "protocol", "app", "svc", "name", "desc", "embedctxt", "edge", "defer"}
SHORT = {"IPTLSIn": "IPHTTPSIn", "IPTLSOut": "IPHTTPSOut"}
LOCAL_WORDS = ["RPC", "RPC-EPMap", "Teredo", "IPTLSIn", "IPHTTPSIn", "DHCP", "Ply2Disc", "mDNS", "TcpCDPSvc"]
REMOTE_WORDS = ["IPTLSOut", "IPHTTPSOut", "CortanaOut"]
LOCAL = {"lport", "lport2_10", "lport2_20", "lport2_25", "lport2_29"}
REMOTE = {"rport", "rport2_10", "rport2_28"}
ADDRESS_WORDS = ["LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway"]
ADDRESS_WORDS += ["IntrAnet", "IntErnet", "Ply2Renders", "RmtIntrAnet", "CaptivePortal"]
LAST = {4: 2**32 - 1, 6: 2**128 - 1}


class Refused(Exception):
    pass


def demand(condition):
    if not condition:
        raise Refused


def lower(text):
    """ASCII alone has case in names and words."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), text)


def word(value, words):
    found = [each for each in words if lower(each) == lower(value)]
    demand(found)
    return found[0]


def number(text, digits, most):
    demand(re.fullmatch("[0-9]{1,%d}" % digits, text))
    demand(int(text) <= most)
    return int(text)


def merged(ranges):
    out = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return out


def address(text):
    demand("%" not in text)
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Refused from None


def addresses(text, family):
    first, dash, last = text.partition("-")
    if dash:
        first, last = address(first), address(last)
        demand(first.version == last.version == family)
        demand(first <= last)
        return int(first), int(last)
    base, slash, mask = text.partition("/")
    base = address(base)
    demand(base.version == family)
    bits = base.max_prefixlen
    if not slash:
        length = bits
    elif re.fullmatch("[0-9]{1,3}", mask):
        length = number(mask, 3, bits)
    else:
        demand(family == 4)
        mask = address(mask)
        demand(mask.version == 4)
        length = format(int(mask), "032b").find("0") % 33 if int(mask) != LAST[4] else 32
        demand(int(mask) == LAST[4] - (2 ** (32 - length) - 1))
    host = 2 ** (bits - length) - 1
    return int(base) & ~host, int(base) | host


def port(text, words):
    for each in words:
        if lower(each) == lower(text):
            return SHORT.get(each, each), None
    demand(text.isascii())
    first, dash, last = text.partition("-")
    first, last = number(first, 99, 65535), number(last if dash else first, 99, 65535)
    if dash and first == 0:
        first = 1
    demand(0 < first <= last)
    return None, (first, last)


def protocol(text):
    names = {"any": None, "tcp": 6, "udp": 17, "icmpv4": 1, "icmpv6": 58}
    return names[lower(text)] if lower(text) in names else number(text, 3, 255)


def icmp(text):
    kind, colon, code = text.partition(":")
    demand(colon)
    return number(kind, 3, 255), None if code == "*" else number(code, 3, 255)


def view(fields):
    """What the fields say, in one form."""
    names = [lower(name) for name, _ in fields]
    demand(not any(names.count(name) > 1 for name in names if name in ONCE))
    values = lambda *wanted: [value for name, value in fields if lower(name) in wanted]
    single = lambda name: (values(name) or [None])[0]
    text = lambda name: single(name) or None
    truth = lambda name: word(single(name), ["TRUE", "FALSE"]) == "TRUE" if values(name) else False

    def ports(wanted, words):
        found = [port(part, words) for value in values(*wanted) for part in value.split(",")]
        keywords = sorted({keyword for keyword, _ in found if keyword})
        return merged(numbers for _, numbers in found if numbers), keywords

    demand(single("action") is not None and single("dir") is not None)
    number_of = protocol(single("protocol")) if values("protocol") else None
    local, local_words = ports(LOCAL, LOCAL_WORDS)
    remote, remote_words = ports(REMOTE, REMOTE_WORDS)
    if local or local_words or remote or remote_words:
        demand(number_of in (6, 17))
    kinds = {4: {icmp(value) for value in values("icmp4")}, 6: {icmp(value) for value in values("icmp6")}}
    demand(not kinds[4] or number_of == 1)
    demand(not kinds[6] or number_of == 58)
    kinds = {4: kinds[4] | kinds[6]}[4]
    kinds = sorted(
        "%d:%s" % (kind, "*" if code is None else code)
        for kind, code in kinds
        if code is None or (kind, None) not in kinds
    )
    keywords, numbers = set(), {4: [], 6: []}
    for family in (4, 6):
        for value in values("ra%d" % family, "ra%d2" % family):
            found = [each for each in ADDRESS_WORDS if lower(each) == lower(value)]
            if found:
                keywords.add((found[0], family))
            else:
                numbers[family].append(addresses(value, family))
    numbers = {family: merged(ranges) for family, ranges in numbers.items()}
    if all(numbers[family] == [[0, LAST[family]]] for family in (4, 6)):
        numbers, keywords = {4: [], 6: []}, set()
    here = {family: merged(addresses(value, family) for value in values("la%d" % family)) for family in (4, 6)}
    shown = lambda of: [[str(n) for n in each] for family in (4, 6) for each in of[family]]
    profiles = {word(value, ["Domain", "Private", "Public"]).lower() for value in values("profile")}
    deferred = word(single("defer"), ["App", "User"]) if values("defer") else None
    edge = truth("edge")
    return {
        "action": {"Allow": "allow", "Block": "block", "ByPass": "allow-bypass"}[
            word(single("action"), ["Allow", "Block", "ByPass"])
        ],
        "active": truth("active"),
        "direction": word(single("dir"), ["In", "Out"]).lower(),
        "protocol": number_of,
        "profiles": sorted(profiles or {"domain", "private", "public"}),
        "local_ports": [local, local_words],
        "remote_ports": [remote, remote_words],
        "icmp_types": kinds,
        "local_addresses": shown(here),
        "remote_addresses": [shown(numbers), sorted("%s/%d" % each for each in keywords)],
        "interface_types": sorted({word(value, ["Lan", "Wireless", "RemoteAccess"]) for value in values("iftype")}),
        "program": text("app"),
        "service": text("svc"),
        "edge_traversal": {"App": "defer to app", "User": "defer to user"}.get(deferred, "allow" if edge else "off"),
        "name": text("name"),
        "description": text("desc"),
        "group": text("embedctxt"),
    }


def read(text):
    found = re.fullmatch(r"[vV]([0-9]{1,3})\.([0-9]{1,3})\|((?:[^|=]+=[^|]*\|)+)", text, re.DOTALL)
    if not found or int(found[1]) > 255 or int(found[2]) > 255:
        return None
    fields = [tuple(field.split("=", 1)) for field in found[3][:-1].split("|")]
    try:
        rule = view(fields)
    except Refused:
        rule = None
    return {"version": [int(found[1]), int(found[2])], "fields": fields, "rule": rule}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))))
