"""The load: real messages as updates, in each server's own protocol, sent by a client faster than any of them."""
