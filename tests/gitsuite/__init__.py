"""git's own test scripts, run with gittrace's hooks in every repository that they make."""
