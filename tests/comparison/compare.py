"""Compares our issues with a judge's violations, check by check, and holds the differences against their explanations.

A difference is an asset that one side alone returns. Each must match exactly one explanation of `checks.toml`, and an
explanation that matches nothing is out of date.
"""
import dataclasses
import fnmatch
import tomllib

from judges import Violation

JUDGES = ("prowler", "custodian")
SIDES = ("ours", "theirs")
RIGHT = {"ours": "ours is right", "theirs": "theirs is right", "both": "another question"}


@dataclasses.dataclass
class Explanation:
    judge: str
    only: str  # the side that returns it
    assets: list  # patterns of ACCOUNT/REGION/NAME
    right: str
    because: str
    check: str = None  # of several checks of the judge the one that this is about


@dataclasses.dataclass
class Check:
    policies: list  # ours, which together are the judge's check
    judge: str
    name: str  # the judge's
    subject: str
    explanations: list


@dataclasses.dataclass
class Outcome:
    check: Check
    ours: set
    theirs: set
    explained: list  # (Explanation, violations)
    unexplained: dict  # side → violations
    outdated: list


def read_checks(file):
    """The checks of the file, one for each judge that is named, and the judges' checks that are left out."""
    with open(file, "rb") as stream:
        document = tomllib.load(stream)
    checks = []
    for entry in document["check"]:
        policies, subject = words(entry.pop("policy")), entry.pop("subject", "asset")
        explanations = [Explanation(**difference) for difference in entry.pop("difference", [])]
        for judge in JUDGES:
            for name in words(entry.pop(judge, [])):
                checks.append(Check(policies, judge, name, subject, [
                    e for e in explanations if e.judge == judge and e.check in (None, name)]))
        if entry or any(e.only not in SIDES or e.right not in RIGHT for e in explanations):
            raise SystemExit(f"checks.toml: {policies}: {entry or 'a difference has an unknown side'}")
    return checks, document.get("left_out", [])


def words(value):
    return [value] if isinstance(value, str) else value


def last_part(arn):
    return arn.replace("/", ":").rsplit(":", 1)[-1]


def as_subject(violation, subject):
    """A violation as both sides can say it: some say an asset of an account, some the account, some the region."""
    account, region, asset = violation
    return {
        "asset": Violation(account, region, last_part(asset)),
        "global": Violation(account, "global", last_part(asset)),
        "region": Violation(account, region, region),
        "account": Violation(account, "global", account),
    }[subject]


def compare(check, ours, theirs, named):
    """Compares the sets of both sides; `named` says a violation as the patterns do."""
    ours = {as_subject(v, check.subject) for v in ours}
    theirs = {as_subject(v, check.subject) for v in theirs}
    unexplained = {"ours": ours - theirs, "theirs": theirs - ours}
    explained, outdated = [], []
    for explanation in check.explanations:
        matching = {v for v in unexplained[explanation.only]
                    if any(fnmatch.fnmatchcase(named(v), pattern) for pattern in explanation.assets)}
        unexplained[explanation.only] = unexplained[explanation.only] - matching
        if matching:
            explained.append((explanation, matching))
        else:
            outdated.append(explanation)
    return Outcome(check, ours, theirs, explained, unexplained, outdated)


def complaints(outcome, named):
    """What is wrong with an outcome, a line each."""
    about = f"{' and '.join(outcome.check.policies)} and {outcome.check.judge}'s {outcome.check.name}"
    for side, violations in outcome.unexplained.items():
        for violation in sorted(violations):
            yield f"{about}: only {side}, unexplained: {named(violation)}"
    for explanation in outcome.outdated:
        yield f"{about}: only {explanation.only}, explained but gone: {', '.join(explanation.assets)}"


def table(outcomes):
    """The outcomes as a Markdown table."""
    lines = ["| our policy | judge's check | ours | theirs | both | differences |", "|---|---|--:|--:|--:|---|"]
    for outcome in outcomes:
        check = outcome.check
        words = " ".join(
            f"{len(found)} only {explanation.only}: {explanation.because} ({RIGHT[explanation.right]})" for explanation, found in outcome.explained)
        ours = ", ".join(f"`{policy}`" for policy in check.policies)
        lines.append(f"| {ours} | {check.judge.capitalize()} `{check.name}` | {len(outcome.ours)} "
                     f"| {len(outcome.theirs)} | {len(outcome.ours & outcome.theirs)} | {words} |")
    return "\n".join(lines) + "\n"


def left_out_table(left_out):
    """The judges' checks that are not compared, as a Markdown table."""
    lines = ["| judge's check | left out because |", "|---|---|"]
    for entry in left_out:
        names = ", ".join(f"`{name}`" for name in entry["checks"])
        lines.append(f"| {entry['judge'].capitalize()} {names} | {entry['because']} |")
    return "\n".join(lines) + "\n"
