"""Writes the completions for bash, zsh and fish. All three also serve `git trace`, through git's own completion."""

from collections.abc import Iterable, Sequence

from gittrace.doc.commandline import ANYTHING, FILES, PROGRAMS, REVISIONS, TRACES, Argument, CommandLine

_MADE_BY = 'made by "python -m gittrace.doc.generate"'
_SUMMARY = "record how software work is done"
_LIST_TRACES = "git for-each-ref --format='%(refname:lstrip=2)' refs/trace"
_LIST_REVISIONS = "git for-each-ref --format='%(refname:short)' refs/heads refs/remotes refs/tags"


def bash(commands: Sequence[CommandLine]) -> str:
    """Return the script for bash-completion; bash 3.2, which macOS has, runs it too."""
    options, values, operands = [], [], []
    for command in commands:
        flags = [flag for option in command.options for flag in option.flags]
        options.append(f"\t{command.name}) echo {_quoted(' '.join([*flags, '--help']))} ;;")
        for option in command.options:
            if option.placeholder:
                pattern = "|".join(f'"{command.name} {flag}"' for flag in option.flags)
                values.append(f"\t{pattern}) echo {_quoted(_bash_words(option))} ;;")
        words = " ".join(dict.fromkeys(filter(None, (_bash_words(p) for p in command.positionals))))
        if words:
            operands.append(f"\t{command.name}) echo {_quoted(words)} ;;")
    names = " ".join(command.name for command in commands)
    return _BASH.format(
        made_by=_MADE_BY,
        names=names,
        options="\n".join(options),
        values="\n".join(values),
        operands="\n".join(operands),
        traces=_LIST_TRACES.removeprefix("git "),
        revisions=_LIST_REVISIONS.removeprefix("git "),
    )


# git's completion calls _git_trace with cur, prev, words, cword and __git_cmd_idx set; it completes with nospace,
# so each reply ends with a space. An empty reply means file names.
_BASH = """\
# bash completion for git-trace and git trace; {made_by}

__git_trace_options ()
{{
	case "$1" in
{options}
	esac
}}

__git_trace_values ()
{{
	case "$1 $2" in
{values}
	*) return 1 ;;
	esac
}}

__git_trace_operands ()
{{
	case "$1" in
{operands}
	esac
}}

__git_trace_reply ()
{{
	local word
	COMPREPLY=()
	for word in $1; do
		case "$word" in
		@traces) __git_trace_add "$(__git_trace_git {traces})" ;;
		@revisions) __git_trace_add "$(__git_trace_git {revisions})" ;;
		@programs) __git_trace_add "$(compgen -c -- "$cur")" ;;
		@files | @none) ;;
		*) __git_trace_add "$word" ;;
		esac
	done
}}

# git, in the repository that `git -C` or `--git-dir` before `trace` named
__git_trace_git ()
{{
	git ${{__git_C_args:+"${{__git_C_args[@]}}"}} ${{__git_dir:+--git-dir="$__git_dir"}} "$@" 2>/dev/null
}}

__git_trace_add ()
{{
	local word IFS=$'\\n'
	for word in $1; do
		case "$word" in
		"$cur"*) COMPREPLY+=("$word ") ;;
		esac
	done
}}

_git_trace ()
{{
	local at=$((${{__git_cmd_idx:-0}} + 1)) name values
	if [ "$cword" -le "$at" ]; then
		__git_trace_reply "{names}"
		return
	fi
	name=${{words[at]}}
	# bash splits --option=value at the sign, git's completion does not
	case "$cur" in
	--*=*) prev=${{cur%%=*}} cur=${{cur#*=}} ;;
	=) prev=${{words[cword - 1]}} cur= ;;
	esac
	if [ "$prev" = "=" ]; then
		prev=${{words[cword - 2]}}
	fi
	if values=$(__git_trace_values "$name" "$prev"); then
		__git_trace_reply "$values"
		return
	fi
	case "$cur" in
	-*) __git_trace_reply "$(__git_trace_options "$name")" ;;
	*) __git_trace_reply "$(__git_trace_operands "$name")" ;;
	esac
}}

__git_trace_direct ()
{{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev= cword=$COMP_CWORD __git_cmd_idx=0 __git_dir= __git_C_args=
	local words=("${{COMP_WORDS[@]}}")
	if [ "$cword" -gt 0 ]; then
		prev=${{words[cword - 1]}}
	fi
	_git_trace
}}

complete -o bashdefault -o default -o nospace -F __git_trace_direct git-trace
"""


def _bash_words(argument: Argument) -> str:
    if argument.choices:
        return " ".join(argument.choices)
    return f"@{argument.kind}" if argument.kind else ("@none" if argument.flags else "")


def zsh(commands: Sequence[CommandLine]) -> str:
    """Return the script for zsh; its `_git` finds `_git-trace` by itself."""
    names = "\n".join(f"    {_quoted(f'{c.name}:{c.summary}')}" for c in commands)
    cases = []
    for command in commands:
        specs = [_zsh_option(option, command) for option in command.options]
        specs += ["'(- *)'{-h,--help}'[show help]'"]
        specs += [_zsh_operand(n, operand) for n, operand in enumerate(command.positionals, 1)]
        body = " \\\n          ".join(specs)
        cases.append(f"      ({command.name})\n        _arguments -s -S \\\n          {body} && ret=0\n        ;;")
    return _ZSH.format(
        made_by=_MADE_BY,
        summary=_SUMMARY,
        names=names,
        cases="\n".join(cases),
        traces=_LIST_TRACES,
        revisions=_LIST_REVISIONS,
    )


_ZSH = """\
#compdef git-trace
#description {summary}
# {made_by}

__git-trace_list () {{
  local expl
  local -a found
  case $1 in
    (traces) found=(${{(f)"$({traces} 2>/dev/null)"}}) ;;
    (revisions) found=(${{(f)"$({revisions} 2>/dev/null)"}}) ;;
  esac
  _wanted $1 expl ${{1%s}} compadd -a found
}}

__git-trace_program () {{
  if [[ $words[1] = -- ]]; then
    shift words
    (( CURRENT-- ))
  fi
  if (( CURRENT == 1 )); then
    _command_names -e
  else
    _normal
  fi
}}

_git-trace () {{
  local curcontext=$curcontext state line ret=1
  local -A opt_args
  local -a subcommands  # `commands` is zsh's own table
  subcommands=(
{names}
  )
  _arguments -C '1: :->command' '*:: :->arguments' && ret=0
  case $state in
  (command)
    _describe -t commands 'git trace command' subcommands && ret=0
    ;;
  (arguments)
    curcontext=${{curcontext%:*:*}}:git-trace-$words[1]:
    case $words[1] in
{cases}
    esac
    ;;
  esac
  return ret
}}

_git-trace "$@"
"""

# the space keeps _arguments from putting options of compadd before the argument
_ZSH_ACTIONS = {
    FILES: "_files",
    TRACES: " __git-trace_list traces",
    REVISIONS: " __git-trace_list revisions",
    PROGRAMS: "_normal",
    ANYTHING: "",
}


def _zsh_option(option: Argument, command: CommandLine) -> str:
    rivals = next((group for group in command.exclusive if option in group), (option,))
    barred = " ".join(flag for rival in rivals if rival != option or not option.repeated for flag in rival.flags)
    flags = "{" + ",".join(option.flags) + "}" if len(option.flags) > 1 else option.flags[0]
    help_text = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    tail = f"[{help_text}]"
    if option.placeholder:
        tail += _zsh_value(option)
    star = "*" if option.repeated else ""
    head = f"({barred}){star}" if barred else star
    return f"{_quoted(head) if head else ''}{flags}{_quoted(tail)}"


def _zsh_operand(position: int, operand: Argument) -> str:
    if operand.kind == PROGRAMS and operand.repeated:
        return _quoted("(-)*::command: __git-trace_program")
    if operand.repeated:
        return _quoted("*" + _zsh_value(operand))
    return _quoted(f"{position}{'' if operand.required else ':'}{_zsh_value(operand)}")


def _zsh_value(argument: Argument) -> str:
    message = argument.placeholder.strip("<>()[]").replace(":", "\\:")
    action = f"({' '.join(argument.choices)})" if argument.choices else _ZSH_ACTIONS[argument.kind]
    return f":{message}:{action}"


def fish(commands: Sequence[CommandLine]) -> str:
    """Return the script for fish; its completion of git asks that of `git-trace` by itself."""
    lines = [_FISH.format(made_by=_MADE_BY, traces=_LIST_TRACES, revisions=_LIST_REVISIONS)]
    for command in commands:
        lines.append(
            f"complete -c git-trace -n __git_trace_needs_command -a {command.name} -d {_fish(command.summary)}"
        )
    for command in commands:
        head = f"complete -c git-trace -n '__git_trace_is {command.name}'"
        lines.append("")
        lines += [" ".join([head, *_fish_option(option)]) for option in command.options]
        values = dict.fromkeys(filter(None, (_fish_values(operand) for operand in command.positionals)))
        lines += [f"{head} {value}" for value in values]
    return "\n".join(lines) + "\n"


_FISH = """\
# fish completion for git-trace and git trace; {made_by}

function __git_trace_needs_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end

function __git_trace_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

function __git_trace_traces
    {traces} 2>/dev/null
end

function __git_trace_revisions
    {revisions} 2>/dev/null
end

complete -c git-trace -f
complete -c git-trace -n __git_trace_needs_command -s h -l help -d 'show help'
complete -c git-trace -n __git_trace_needs_command -l version -d 'show the version'"""


def _fish_option(option: Argument) -> Iterable[str]:
    for flag in option.flags:
        yield f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
    if option.placeholder:
        yield "-r"
        yield _fish_values(option) or "-f"
    yield f"-d {_fish(option.help)}"


def _fish_values(argument: Argument) -> str:
    if argument.choices:
        return f"-f -a {_fish(' '.join(argument.choices))}"
    return {
        FILES: "-F",
        TRACES: "-f -a '(__git_trace_traces)'",
        REVISIONS: "-f -a '(__git_trace_revisions)'",
        PROGRAMS: "-F -a '(__fish_complete_subcommand --fcs-skip=2)'",
        ANYTHING: "",
    }[argument.kind]


def _fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"
