"""`python -m syncline_server`."""

from syncline_server.cli import main

main()
