from . import inner

VALUE = inner.ONE
