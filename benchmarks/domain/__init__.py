"""A store of the size of a company: loaded through a running server, then asked what its people ask all day."""
