"""The Syncline device: what a phone, a desktop or a script runs to share documents."""
