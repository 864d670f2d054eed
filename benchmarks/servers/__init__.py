"""The servers that are measured: how each is started, as a process of its own, and what it does with an update."""
