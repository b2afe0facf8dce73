"""What is not in the snapshot is imported from memory."""

import csv
import dataclasses
import decimal
import email.message
import graphlib
import gzip
import html.parser
import io
import logging
import sys
import tomllib
import xml.etree.ElementTree as tree
import zoneinfo  # noqa: F401
from collections import Counter


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2


def run(input):
    assert sys.version_info >= (3, 14)
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 2}
    assert tomllib.loads("a = 1") == {"a": 1}
    assert tree.fromstring("<a><b>x</b></a>").find("b").text == "x"
    assert gzip.decompress(gzip.compress(b"x" * 1000)) == b"x" * 1000
    assert list(csv.reader(io.StringIO("a,b\n1,2"))) == [["a", "b"], ["1", "2"]]
    assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
    assert [*graphlib.TopologicalSorter({"a": {"b"}}).static_order()] == ["b", "a"]
    assert Counter("aab")["a"] == 2
    message = email.message.EmailMessage()
    message["Subject"] = "x"
    assert "Subject: x" in message.as_string()
    assert issubclass(html.parser.HTMLParser, object)
    logging.getLogger("agent").warning("a warning goes to the log")
