# fish completion for git-trace and git trace; made by "python -m gittrace.doc.generate"

function __git_trace_needs_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end

function __git_trace_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

function __git_trace_traces
    git for-each-ref --format='%(refname:lstrip=2)' refs/trace 2>/dev/null
end

function __git_trace_revisions
    git for-each-ref --format='%(refname:short)' refs/heads refs/remotes refs/tags 2>/dev/null
end

complete -c git-trace -f
complete -c git-trace -n __git_trace_needs_command -s h -l help -d 'show help'
complete -c git-trace -n __git_trace_needs_command -l version -d 'show the version'
complete -c git-trace -n __git_trace_needs_command -a init -d 'prepare a repository for recording'
complete -c git-trace -n __git_trace_needs_command -a deinit -d 'undo what init did'
complete -c git-trace -n __git_trace_needs_command -a start -d 'start a session'
complete -c git-trace -n __git_trace_needs_command -a run -d 'run a command and record it'
complete -c git-trace -n __git_trace_needs_command -a note -d 'record reasoning after the fact'
complete -c git-trace -n __git_trace_needs_command -a stop -d 'stop the session'
complete -c git-trace -n __git_trace_needs_command -a status -d 'show what is being recorded, and what went wrong'
complete -c git-trace -n __git_trace_needs_command -a list -d 'list traces, a line each'
complete -c git-trace -n __git_trace_needs_command -a log -d 'show recorded traces'
complete -c git-trace -n __git_trace_needs_command -a show -d 'show a trace, session, event or commit'
complete -c git-trace -n __git_trace_needs_command -a blame -d 'show which event wrote each line of a file'
complete -c git-trace -n __git_trace_needs_command -a why -d 'show why a line is there'
complete -c git-trace -n __git_trace_needs_command -a links -d 'show which commits the work of a trace is in'
complete -c git-trace -n __git_trace_needs_command -a fate -d 'say what became of the work of a trace'
complete -c git-trace -n __git_trace_needs_command -a diff -d 'show changes between events'
complete -c git-trace -n __git_trace_needs_command -a restore -d 'write out the files of a snapshot'
complete -c git-trace -n __git_trace_needs_command -a export -d 'write traces in the formats of others'
complete -c git-trace -n __git_trace_needs_command -a scan -d 'look for secrets in all that is recorded'
complete -c git-trace -n __git_trace_needs_command -a redact -d 'mask secrets in what is recorded already'
complete -c git-trace -n __git_trace_needs_command -a verify -d 'prove that every snapshot can be rebuilt'
complete -c git-trace -n __git_trace_needs_command -a sign -d 'sign what is recorded, as git signs commits'
complete -c git-trace -n __git_trace_needs_command -a push -d 'publish traces at a remote'
complete -c git-trace -n __git_trace_needs_command -a fetch -d 'fetch traces that others published'
complete -c git-trace -n __git_trace_needs_command -a remotes -d 'list where traces are published and come from'
complete -c git-trace -n __git_trace_needs_command -a doctor -d 'check the installation and the recorded data'
complete -c git-trace -n __git_trace_needs_command -a identity -d 'show or change the id that you record under'
complete -c git-trace -n __git_trace_needs_command -a forget -d 'remove a trace for good, wherever it is read'
complete -c git-trace -n __git_trace_needs_command -a gc -d 'drop what is no longer needed'
complete -c git-trace -n __git_trace_needs_command -a demo -d 'record a small trace in a temporary repository'
complete -c git-trace -n __git_trace_needs_command -a seal -d 'turn finished runs of events into notes'
complete -c git-trace -n __git_trace_needs_command -a pre-push -d 'what the pre-push hook runs'
complete -c git-trace -n __git_trace_needs_command -a install-extras -d 'install man page and completions'

complete -c git-trace -n '__git_trace_is init' -l share -r -f -d 'have every push to this remote publish traces'
complete -c git-trace -n '__git_trace_is init' -l to -r -f -d 'with --share: publish them at this remote instead'
complete -c git-trace -n '__git_trace_is init' -l fetch -r -f -d 'have \'git fetch\' of this remote bring traces along'
complete -c git-trace -n '__git_trace_is init' -s q -l quiet -d 'print warnings only'

complete -c git-trace -n '__git_trace_is deinit' -s n -l dry-run -d 'only say what would be done'
complete -c git-trace -n '__git_trace_is deinit' -l purge -d 'also delete all that was recorded in this clone'
complete -c git-trace -n '__git_trace_is deinit' -s f -l force -d 'even though a session is active, which is given up'

complete -c git-trace -n '__git_trace_is start' -s m -r -f -d 'what the work is about'
complete -c git-trace -n '__git_trace_is start' -l trace -r -f -d 'go on with a trace instead of beginning one'
complete -c git-trace -n '__git_trace_is start' -l agent -r -f -d 'the agent that does the work, if no person does'
complete -c git-trace -n '__git_trace_is start' -l model -r -f -d 'the agent\'s model, as provider/name'
complete -c git-trace -n '__git_trace_is start' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is run' -s m -r -f -d 'why the command is run'
complete -c git-trace -n '__git_trace_is run' -F -a '(__fish_complete_subcommand --fcs-skip=2)'

complete -c git-trace -n '__git_trace_is note' -s m -r -f -d 'the reasoning; without it, standard input is read'

complete -c git-trace -n '__git_trace_is stop' -l success -d 'the goal was reached'
complete -c git-trace -n '__git_trace_is stop' -l failure -d 'the goal was not reached'
complete -c git-trace -n '__git_trace_is stop' -s m -r -f -d 'why the work ends here'
complete -c git-trace -n '__git_trace_is stop' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is status' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is list' -s n -r -f -d 'show at most <n> traces; -<n> for short'
complete -c git-trace -n '__git_trace_is list' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is log' -s n -r -f -d 'show at most <n> traces, or with --graph commits; -<n> for short'
complete -c git-trace -n '__git_trace_is log' -l fate -d 'show what became of each trace, and its links to commits'
complete -c git-trace -n '__git_trace_is log' -l oneline -d 'show a line a trace'
complete -c git-trace -n '__git_trace_is log' -l all -d 'with --graph show the commits of all branches and tags'
complete -c git-trace -n '__git_trace_is log' -l graph -d 'show commits as a graph, with the traces of each'
complete -c git-trace -n '__git_trace_is log' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is log' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is show' -l output -d 'write only what the command printed, all of it'
complete -c git-trace -n '__git_trace_is show' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is show' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is blame' -s L -r -f -d 'show only these lines, as git blame takes them: START,END or :FUNCTION'
complete -c git-trace -n '__git_trace_is blame' -s v -l verbose -d 'show each event and its reasoning above its lines'
complete -c git-trace -n '__git_trace_is blame' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is blame' -F

complete -c git-trace -n '__git_trace_is why' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is links' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is links' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is fate' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is fate' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is diff' -l stat -d 'show how much changed in each file'
complete -c git-trace -n '__git_trace_is diff' -l name-only -d 'show only the names of the changed files'
complete -c git-trace -n '__git_trace_is diff' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is restore' -l to -r -F -d 'write into <dir>, which must be empty or not exist'
complete -c git-trace -n '__git_trace_is restore' -l worktree -d 'make the worktree equal to the snapshot'
complete -c git-trace -n '__git_trace_is restore' -l before -d 'as it was before the event'
complete -c git-trace -n '__git_trace_is restore' -s f -l force -d 'overwrite files'
complete -c git-trace -n '__git_trace_is restore' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is export' -l format -r -f -a 'opentraces prtelemetry' -d 'opentraces or prtelemetry'
complete -c git-trace -n '__git_trace_is export' -s o -r -F -d 'write to <file>; a name that ends in .zst compresses'
complete -c git-trace -n '__git_trace_is export' -l dataset-infos -d 'write no traces but the columns of the format, as a \'dataset_infos.json\' for Hugging Face\'s datasets'
complete -c git-trace -n '__git_trace_is export' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is scan' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is redact' -s n -l dry-run -d 'say what would be masked'
complete -c git-trace -n '__git_trace_is redact' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is redact' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is verify' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is verify' -l signed -d 'exit with 1, too, if a segment has no good signature'
complete -c git-trace -n '__git_trace_is verify' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is sign' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is sign' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is push' -l all -d 'also what is noted on commits that REMOTE does not have: private branches'
complete -c git-trace -n '__git_trace_is push' -l unlinked -d 'also what led to no commit'
complete -c git-trace -n '__git_trace_is push' -l snapshots -r -f -a '(__git_trace_traces)' -d 'only the snapshots of this trace: whole worktrees'
complete -c git-trace -n '__git_trace_is push' -s n -l dry-run -d 'say what would be published'
complete -c git-trace -n '__git_trace_is push' -s q -l quiet -d 'print problems only'
complete -c git-trace -n '__git_trace_is push' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is fetch' -l snapshots -d 'also the snapshots that are published there'
complete -c git-trace -n '__git_trace_is fetch' -s q -l quiet -d 'print nothing'
complete -c git-trace -n '__git_trace_is fetch' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is remotes' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is doctor' -l repair -d 'move refs that lead to nothing back'
complete -c git-trace -n '__git_trace_is doctor' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is identity' -l rotate -d 'make a new key, and so another id'
complete -c git-trace -n '__git_trace_is identity' -l export -d 'print the key, for --import on another machine'
complete -c git-trace -n '__git_trace_is identity' -l import -r -F -d 'use the key that <file> has (- for standard input)'
complete -c git-trace -n '__git_trace_is identity' -s o -l output -r -F -d 'where to export to: a new file, of mode 0600'
complete -c git-trace -n '__git_trace_is identity' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is forget' -s n -l dry-run -d 'say what would be removed'
complete -c git-trace -n '__git_trace_is forget' -l prune-now -d 'drop its objects from the object store at once'
complete -c git-trace -n '__git_trace_is forget' -l json -d 'print JSON for programs instead of text for people'
complete -c git-trace -n '__git_trace_is forget' -f -a '(__git_trace_traces)'

complete -c git-trace -n '__git_trace_is gc' -s n -l dry-run -d 'say what would be dropped'
complete -c git-trace -n '__git_trace_is gc' -l expire -r -f -d 'instead of trace.expire, such as 30.days.ago, now or never'
complete -c git-trace -n '__git_trace_is gc' -s f -l force -d 'drop also what is nowhere else'
complete -c git-trace -n '__git_trace_is gc' -l prune-now -d 'drop the objects of forgotten traces at once'
complete -c git-trace -n '__git_trace_is gc' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is demo' -l keep -d 'keep the repository and say where it is'

complete -c git-trace -n '__git_trace_is seal' -l detached -d 'as hooks call it: in a session of its own, failures go to the log'
complete -c git-trace -n '__git_trace_is seal' -l json -d 'print JSON for programs instead of text for people'

complete -c git-trace -n '__git_trace_is pre-push' -l parent -r -f -d 'the process that runs the hook'

complete -c git-trace -n '__git_trace_is install-extras' -l uninstall -d 'remove what this command has installed'
