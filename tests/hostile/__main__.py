"""Run the campaigns for hours, or one of them: ``make campaign HOURS=8``.

    python -m hostile [--hours 0.1] [--only frames] [--seed 7] [--json]

Progress goes to standard error, what was executed and found to standard output. The exit code is 1 if anything was found.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import asdict

from hostile.campaigns import CAMPAIGNS
from hostile.runner import run


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hostile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=0.1, help="shared by all campaigns that run")
    parser.add_argument("--only", action="append", choices=[campaign.name for campaign in CAMPAIGNS])
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = [campaign for campaign in CAMPAIGNS if options.only is None or campaign.name in options.only]
    for campaign in chosen:
        if not campaign.can_run:
            print(f"{campaign.name}: left out, it needs something that is not here", file=sys.stderr)
    chosen = [campaign for campaign in chosen if campaign.can_run]
    tallies = []
    for campaign in chosen:
        print(f"{campaign.name}: {options.hours * 60 / len(chosen):.1f} minutes, seed {options.seed}", file=sys.stderr)
        tallies.append(run(campaign, options.seed, seconds=options.hours * 3600 / len(chosen)))
    if options.json:
        print(json.dumps([asdict(tally) for tally in tallies], indent=2))
    else:
        print(f"{'campaign':12} {'executions':>13} {'accepted':>11} {'faults':>7} {'seconds':>9}   seed {options.seed}")
        for tally in tallies:
            counts = f"{tally.executions:>13,} {tally.accepted:>11,} {len(tally.faults):>7} {tally.seconds:>9.0f}"
            print(f"{tally.name:12} {counts}")
        for tally in tallies:
            if tally.figures:
                print(f"{tally.name}:", ", ".join(f"{name} {figure:,}" for name, figure in tally.figures.items()))
        for tally in tallies:
            print(*(f"{tally.name}: {fault}" for fault in tally.faults), sep="\n", end="\n" if tally.faults else "")
    return 1 if any(tally.faults for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
