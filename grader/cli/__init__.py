"""The verbs of ./academy that judge: found by name, so that the shared library needs no grader."""
