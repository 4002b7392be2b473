"""Reads values out of edited files with Python's own readers; prints what is not as wanted."""

import configparser
import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

# Windows takes the first of several keys or sections of one name, Python the last.
OTHER_READING = {"the first of two keys", "the first of two sections"}


def text_of(data):
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    if data[:3] == b"\xef\xbb\xbf":
        return data.decode("utf-8-sig")
    if len(data) > 1 and data[1] == 0:
        return data.decode("utf-16-le")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def ini(text, place):
    parser = configparser.RawConfigParser(
        strict=False, delimiters=("=",), comment_prefixes=(";",), allow_no_value=True, empty_lines_in_values=False,
        default_section="\x02",
    )
    parser.read_file(io.StringIO("[\x01]\n" + text, newline=None))
    wanted = (place.get("section") or "\x01").lower()
    for section in parser.sections():
        if section.lower() == wanted:
            value = parser.get(section, place["key"], fallback=None)
            quoted = value and re.fullmatch(r"\"(.*)\"|'(.*)'", value)
            return (quoted[1] if quoted[1] is not None else quoted[2]) if quoted else value
    return None


def xml(text, place):
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    steps = re.findall(r"/(@?[^/\[]+(?:\([^)]*\))?)((?:\[[^\]]*\])*)", place["path"])
    attribute = None
    if steps[-1][0].startswith("@"):
        attribute = steps.pop()[0][1:]
    elif steps[-1][0] == "text()":
        steps.pop()
    around = ElementTree.Element("around")
    if text.strip():
        around.append(ElementTree.fromstring(text))
    found = [around]
    for name, conditions in steps:
        inside = [child for element in found for child in element if child.tag.rsplit("}")[-1] == name.split(":")[-1]]
        for condition in re.findall(r"\[([^\]]*)\]", conditions):
            match = re.fullmatch(r"@([^=]+)=['\"](.*)['\"]", condition)
            if match:
                inside = [child for child in inside if child.get(match[1]) == match[2]]
            else:
                inside = inside[int(condition) - 1 : int(condition)]
        found = inside
    if not found:
        return None
    [element] = found
    return element.get(attribute) if attribute else "".join(element.itertext())


def json_of(text, place):
    string = r'"(?:\\.|[^"\\])*"'
    text = re.sub(string + r"|//[^\r\n]*|/\*.*?\*/", lambda m: m[0] if m[0][0] == '"' else " ", text, flags=re.S)
    text = re.sub(string + r"|,(?=\s*[\]}])", lambda m: m[0] if m[0][0] == '"' else "", text)
    value = json.loads(text)
    for name in place["pointer"].split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError):
            return None
    return json.dumps(value, sort_keys=True)


def main():
    read = 0
    for case in json.load(sys.stdin):
        [(kind, place)] = case["selector"].items()
        if case["name"] in OTHER_READING or kind not in ("ini", "xml", "json"):
            continue
        text = text_of(bytes.fromhex(case["file"]))
        wanted = case["wanted"]
        if kind == "json" and wanted is not None:
            wanted = json.dumps(json.loads(wanted), sort_keys=True)
        found = {"ini": ini, "xml": xml, "json": json_of}[kind](text, place)
        read += 1
        if found != wanted:
            print(f"{case['name']}: {found!r} instead of {wanted!r}")
    print(f"read {read}")


main()
