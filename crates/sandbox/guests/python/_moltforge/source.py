"""Compiles a file, and says where it is nested too deeply: the parser itself does not know."""

import warnings

TOO_DEEP = (MemoryError, RecursionError)
SEARCHED = 200_000  # characters of a file in which the line is looked for


def compiled(text, file):
    try:
        return compile(text, file, "exec", dont_inherit=True)
    except TOO_DEEP as error:
        line = _line(text, file) if len(text) <= SEARCHED else None
        shown = text.splitlines()[line - 1][:200] if line else None
        raise SyntaxError(f"nested too deeply to be compiled ({error})", (file, line, 1, shown)) from None


def _line(text, file):
    """The first line with which it is too much."""
    lines = text.splitlines(True)
    fits, fails = 0, len(lines)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if _fits("".join(lines[:middle]), file):
            fits = middle
        else:
            fails = middle
    return fails


def _fits(text, file):
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, file, "exec", dont_inherit=True)
    except TOO_DEEP:
        return False
    except (SyntaxError, ValueError):
        return True  # it was cut off in the middle of something
    return True
