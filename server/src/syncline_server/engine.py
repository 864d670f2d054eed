"""The work that reads documents as a whole: compaction, state-vector diffs, content digests.

Beside the data's way. Everything here runs the CRDT engine in the worker process, on bytes that admission has
understood, with limits of memory and time; a document on which it fails is quarantined and goes on being readable.
"""


class Engine:
    def __init__(self, store, worker, metrics): ...
    async def upkeep(self, hub): ...
    async def store_cursors(self, hub): ...
