"""gittrace records how software work is done, inside git."""

__version__ = "0.1.0"
