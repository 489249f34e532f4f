#!/usr/bin/env python3
"""A grader for `kind: process`: one JSON request per line in, one JSON reply per line out. Standard library only.

Only replies may go to standard output. Whatever is for people goes to standard error, which ends in the silo's log.
The program ends when its input does.
"""
import json
import re
import sys


def score(item):
    """Two outputs per completion: does it show steps, and how much of it repeats itself."""
    response = item["response"]
    words = response.split()
    steps = len(re.findall(r"(?i)\bstep\b|^\s*\d+[.)]", response, flags=re.MULTILINE))
    return {
        "structure": min(steps, 3) / 3,
        "variety": len(set(words)) / len(words) if words else 0.0,
    }


def main():
    print("grader ready", file=sys.stderr)
    for line in sys.stdin:
        item = json.loads(line)
        try:
            reply = {"id": item["id"], "scores": score(item)}
        except Exception as error:  # One bad item must not end the program.
            reply = {"id": item["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
