"""The runtime of Python agents. Not for agents: they import `moltforge`."""
