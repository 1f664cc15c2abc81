"""Fails when a dependency has a licence that we may not ship.

    cargo metadata --format-version 1 --locked | python3 .ci/licences.py
"""
import json
import re
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "bzip2-1.0.6",
    "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "OpenSSL", "Unicode-3.0", "Unlicense", "Zlib",
    "MPL-2.0",  # asks only that changes to its own files are published; we change none
}


def acceptable(expression: str) -> bool:
    """Of an SPDX expression: every `AND` part has an allowed `OR` alternative."""
    text = expression.replace("/", " OR ").replace("(", " ").replace(")", " ")
    return all(
        any(choice.strip() in ALLOWED for choice in re.split(r"\bOR\b", part)) for part in re.split(r"\bAND\b", text)
    )


packages = json.load(sys.stdin)["packages"]
refused = [p for p in packages if p["source"] and not acceptable(p["license"] or "none")]
for package in refused:
    print(f"{package['name']} {package['version']}: {package['license']}", file=sys.stderr)
print(f"licences: {len(packages)} packages, {len(refused)} refused")
sys.exit(1 if refused else 0)
