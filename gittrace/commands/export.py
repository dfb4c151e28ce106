"""git trace export."""

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import replace

from gittrace.errors import UsageError
from gittrace.export.formats import DEFAULT, FORMATS, load
from gittrace.export.write import open_output
from gittrace.git.repository import Repository, discover
from gittrace.model.trace import RepoFacts, Trace
from gittrace.text import decode, shown
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.history.beside import Beside
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.gate import Gate, explain

DESCRIPTION = """\
Write traces as others read them, a record a line: all traces of the repository unless some are named. What became of
the work is asked of the repository's history at each export. A trace in which a secret is found is left out, and named:
'git trace redact' masks it. The exit status is 1 when a trace was left out, or not all of one could be read; what else
could not be read is a warning."""

# of more traces than this all are read at once to say who wrote what
_FEW = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    names = [row.name for row in FORMATS]
    parser.add_argument("--format", choices=names, default=DEFAULT, metavar="FORMAT", help=f"{' or '.join(names)}")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write to FILE; a name that ends in .zst compresses")
    parser.add_argument(
        "--dataset-infos",
        action="store_true",
        help="write no traces but the columns of the format, as a 'dataset_infos.json' for Hugging Face's datasets",
    )
    parser.add_argument("traces", nargs="*", metavar="TRACE", help="what to export")


def run(args: argparse.Namespace) -> int:
    """Export; the exit status is 1 when a trace was held back, or one that was named could not be read whole."""
    if args.dataset_infos:
        return _declare(args)
    store = Store(discover())
    try:
        with Beside() as beside:
            status = _export(args, store, beside)
    finally:
        store.close()
    return status


def _declare(args: argparse.Namespace) -> int:
    from gittrace.export.features import dataset_infos

    if args.traces:
        raise UsageError("--dataset-infos is about a format, and takes no traces")
    with open_output(args.output) as output:
        output.write(dataset_infos(args.format).encode())
    return 0


def _export(args: argparse.Namespace, store: Store, beside: Beside) -> int:
    exporter = load(args.format)
    gate = Gate(store.repo)
    answers: Answers | None = None
    try:
        ids = [find_trace(store, name) for name in args.traces] or store.trace_ids()
        ids = list(dict.fromkeys(ids))
        historian = Historian(store, ())

        def sharing(texts: Iterable[bytes], oids: Iterable[str]) -> set[str]:
            # what is written to the cache meanwhile would make each question begin anew
            beside.wait()
            return historian.sharing(texts, oids)

        if getattr(exporter, "ATTRIBUTION", False):
            answers = Answers(store, len(ids) > _FEW, sharing)
        facts = replace(gate.masked_facts(repo_facts(store.repo)), scanned_by=gate.scanner)
        failed = 0
        with open_output(args.output) as output:
            for number, name in enumerate(ids):
                if number == 1 and answers and len(ids) > _FEW:
                    # meanwhile all traces are read here, to say who wrote what
                    beside.settle(historian, ids)
                said = len(store.problems)
                trace = store.load(name)
                held = _held(gate, trace)
                if held or len(store.problems) > said:
                    failed = 1
                if held:
                    sys.stderr.write(held)
                    continue
                beside.wait(name)
                outcome = historian.outcome(trace)
                if answers and outcome.commit_sha:
                    outcome = replace(outcome, attribution=answers.attribution(outcome.commit_sha))
                if outcome.patch:
                    outcome = replace(outcome, patch=gate.masked_diff(outcome.patch))
                outcome = gate.masked_facts(outcome)
                for line in exporter.lines(trace, outcome, facts):
                    output.write(f"{line}\n".encode())
        # those too of traces that were only asked what they know; of what the cache says nobody asks them again
        for problem in dict.fromkeys((*store.problems, *(answers.problems if answers else ()))):
            sys.stderr.write(f"warning: {shown(problem)}\n")
        if not ids:
            sys.stderr.write("warning: there are no traces to export\n")
        return failed
    finally:
        gate.close()
        if answers:
            answers.close()


def _held(gate: Gate, trace: Trace) -> str:
    """Return what to say of a trace that may not leave, empty when it may."""
    for line, found in gate.trace_findings(trace):
        why = explain(line, found)
        return f"warning: not exported: {shown(str(why))}\n" + (f"hint: {shown(why.hint)}\n" if why.hint else "")
    return ""


def repo_facts(repo: Repository) -> RepoFacts:
    """Return what exports say of the repository."""
    remote = str(repo.config("trace.remote")) or "origin"
    url = decode(repo.git("config", "--get", f"remote.{remote}.url", ok=(0, 1))).strip()
    branch = os.fsdecode(repo.git("symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1))).strip()
    head = repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1)).decode().strip()
    return RepoFacts.of(url or None, branch or None, head or None)
