"""`python -m shared.cli`: what the launcher becomes."""

from shared.cli.app import main

main()
