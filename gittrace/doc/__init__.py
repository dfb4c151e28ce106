"""What is written about gittrace, and the program that makes manual page and completions of its commands."""
