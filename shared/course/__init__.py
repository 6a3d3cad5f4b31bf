"""The course as data: which rooms there are, and how starters come from solutions."""
