"""Where the server's CPU time goes: `python -m benchmarks profile`."""
