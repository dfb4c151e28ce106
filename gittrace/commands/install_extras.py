"""`git trace install-extras`: manual page and completions for installers that leave them out."""

import argparse

from gittrace.resources import install_extras, remove_extras, user_share

DESCRIPTION = """\
Copy the manual page (for 'git trace --help') and the completions for bash, zsh and fish below
'$XDG_DATA_HOME', or '~/.local/share' where that is not set. 'uv tool' and installing into a virtual
environment leave them out; 'install.sh' runs this command.

bash (with bash-completion) and fish look there by themselves. zsh looks in its 'fpath': the command prints
the line to add to '~/.zshrc'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--uninstall", action="store_true", help="remove what this command has installed")


def run(args: argparse.Namespace) -> int:
    """Install or remove, and say what was done."""
    share = user_share()
    if args.uninstall:
        for path in remove_extras(share):
            print(f"removed '{path}'")
        return 0
    written = install_extras(share)
    for path in written:
        print(f"wrote '{path}'")
    if written:
        print(f"for zsh, put this before 'compinit' in ~/.zshrc: fpath+=('{share}/zsh/site-functions')")
    return 0
