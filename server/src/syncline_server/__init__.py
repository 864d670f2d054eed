"""The Syncline server: a log of updates with sockets on it."""
