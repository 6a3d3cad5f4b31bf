"""The verbs of ./academy: thin, each in its own module, imported when it is asked for."""
