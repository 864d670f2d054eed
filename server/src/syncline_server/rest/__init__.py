"""The REST interface: what the sockets do, for programs that want to ask once.

Beside the data's way, entering it where sessions do: `request → operation → author → document (admission) → log →
relay`. Each operation is declared once (`declaration.py`), beside its function, in the module of its noun;
`operations.py` lists them all. The routes (`routing.py`) and `/openapi.json` (`openapi.py`) are made from that list, so
that what is served and what is described cannot differ.
"""
