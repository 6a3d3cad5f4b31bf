"""From a bare Python to a running verb: standard library only, nothing else is there yet."""
