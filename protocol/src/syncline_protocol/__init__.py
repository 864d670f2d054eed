"""Syncline's protocol: frames, updates, documents. No I/O, no clock, no randomness."""
