# bash completion for git-trace and git trace; made by "python -m gittrace.doc.generate"

__git_trace_options ()
{
	case "$1" in
	init) echo '--share --to --fetch -q --quiet --help' ;;
	deinit) echo '-n --dry-run --purge -f --force --help' ;;
	start) echo '-m --trace --agent --model --json --help' ;;
	run) echo '-m --help' ;;
	note) echo '-m --help' ;;
	stop) echo '--success --failure -m --json --help' ;;
	status) echo '--json --help' ;;
	list) echo '-n --json --help' ;;
	log) echo '-n --fate --oneline --all --graph --json --help' ;;
	show) echo '--output --json --help' ;;
	blame) echo '-L -v --verbose --json --help' ;;
	why) echo '--json --help' ;;
	links) echo '--json --help' ;;
	fate) echo '--json --help' ;;
	diff) echo '--stat --name-only --json --help' ;;
	restore) echo '--to --worktree --before -f --force --json --help' ;;
	export) echo '--format -o --dataset-infos --help' ;;
	scan) echo '--json --help' ;;
	redact) echo '-n --dry-run --json --help' ;;
	verify) echo '--json --signed --help' ;;
	sign) echo '--json --help' ;;
	push) echo '--all --unlinked --snapshots -n --dry-run -q --quiet --json --help' ;;
	fetch) echo '--snapshots -q --quiet --json --help' ;;
	remotes) echo '--json --help' ;;
	doctor) echo '--repair --json --help' ;;
	identity) echo '--rotate --export --import -o --output --json --help' ;;
	forget) echo '-n --dry-run --prune-now --json --help' ;;
	gc) echo '-n --dry-run --expire -f --force --prune-now --json --help' ;;
	demo) echo '--keep --help' ;;
	seal) echo '--detached --json --help' ;;
	pre-push) echo '--parent --help' ;;
	install-extras) echo '--uninstall --help' ;;
	esac
}

__git_trace_values ()
{
	case "$1 $2" in
	"init --share") echo '@none' ;;
	"init --to") echo '@none' ;;
	"init --fetch") echo '@none' ;;
	"start -m") echo '@none' ;;
	"start --trace") echo '@none' ;;
	"start --agent") echo '@none' ;;
	"start --model") echo '@none' ;;
	"run -m") echo '@none' ;;
	"note -m") echo '@none' ;;
	"stop -m") echo '@none' ;;
	"list -n") echo '@none' ;;
	"log -n") echo '@none' ;;
	"blame -L") echo '@none' ;;
	"restore --to") echo '@files' ;;
	"export --format") echo 'opentraces prtelemetry' ;;
	"export -o") echo '@files' ;;
	"push --snapshots") echo '@traces' ;;
	"identity --import") echo '@files' ;;
	"identity -o"|"identity --output") echo '@files' ;;
	"gc --expire") echo '@none' ;;
	"pre-push --parent") echo '@none' ;;
	*) return 1 ;;
	esac
}

__git_trace_operands ()
{
	case "$1" in
	run) echo '@programs' ;;
	log) echo '@traces' ;;
	show) echo '@traces' ;;
	blame) echo '@files' ;;
	links) echo '@traces' ;;
	fate) echo '@traces' ;;
	export) echo '@traces' ;;
	redact) echo '@traces' ;;
	verify) echo '@traces' ;;
	sign) echo '@traces' ;;
	forget) echo '@traces' ;;
	esac
}

__git_trace_reply ()
{
	local word
	COMPREPLY=()
	for word in $1; do
		case "$word" in
		@traces) __git_trace_add "$(__git_trace_git for-each-ref --format='%(refname:lstrip=2)' refs/trace)" ;;
		@revisions) __git_trace_add "$(__git_trace_git for-each-ref --format='%(refname:short)' refs/heads refs/remotes refs/tags)" ;;
		@programs) __git_trace_add "$(compgen -c -- "$cur")" ;;
		@files | @none) ;;
		*) __git_trace_add "$word" ;;
		esac
	done
}

# git, in the repository that `git -C` or `--git-dir` before `trace` named
__git_trace_git ()
{
	git ${__git_C_args:+"${__git_C_args[@]}"} ${__git_dir:+--git-dir="$__git_dir"} "$@" 2>/dev/null
}

__git_trace_add ()
{
	local word IFS=$'\n'
	for word in $1; do
		case "$word" in
		"$cur"*) COMPREPLY+=("$word ") ;;
		esac
	done
}

_git_trace ()
{
	local at=$((${__git_cmd_idx:-0} + 1)) name values
	if [ "$cword" -le "$at" ]; then
		__git_trace_reply "init deinit start run note stop status list log show blame why links fate diff restore export scan redact verify sign push fetch remotes doctor identity forget gc demo seal pre-push install-extras"
		return
	fi
	name=${words[at]}
	# bash splits --option=value at the sign, git's completion does not
	case "$cur" in
	--*=*) prev=${cur%%=*} cur=${cur#*=} ;;
	=) prev=${words[cword - 1]} cur= ;;
	esac
	if [ "$prev" = "=" ]; then
		prev=${words[cword - 2]}
	fi
	if values=$(__git_trace_values "$name" "$prev"); then
		__git_trace_reply "$values"
		return
	fi
	case "$cur" in
	-*) __git_trace_reply "$(__git_trace_options "$name")" ;;
	*) __git_trace_reply "$(__git_trace_operands "$name")" ;;
	esac
}

__git_trace_direct ()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev= cword=$COMP_CWORD __git_cmd_idx=0 __git_dir= __git_C_args=
	local words=("${COMP_WORDS[@]}")
	if [ "$cword" -gt 0 ]; then
		prev=${words[cword - 1]}
	fi
	_git_trace
}

complete -o bashdefault -o default -o nospace -F __git_trace_direct git-trace
