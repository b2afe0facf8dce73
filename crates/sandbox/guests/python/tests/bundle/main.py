import pathlib
import pkgutil

import helper
from helper import double
from package import VALUE, inner
from package.inner import deep
from folder import plain


def run(input):
    assert double(input["n"]) == 8 and helper.__file__ == "helper.py"
    assert (VALUE, inner.NAME, deep(), plain.VALUE) == (1, "package.inner", 3, "plain")
    assert open("prompt.md").read() == "Be brief.\n" == pathlib.Path("prompt.md").read_text()
    assert open("prompt.md", "rb").read() == b"Be brief.\n"
    assert pkgutil.get_data("package", "data.json") == b'{"a": 1}\n'
    assert __name__ == "main"
