"""The server as an actor: `automation.py` goes through what has changed, the others know what is missing."""
