"""Prints the mails of a Maildir, or of a folder of `.eml` files, as a mail program would read them: JSON, one a line.

Each has its headers, its text, its HTML, what the HTML shows (`shown`) and the mistakes in it (`mistakes`).
"""
import email
import email.policy
import json
import pathlib
import sys

import html5lib



def shown(body):
    """The text of all elements, in order, without comments (which hold what only old Outlooks read)."""
    for element in body.iter():
        if isinstance(element.tag, str):
            yield element.text or ""
        yield element.tail or ""


folder = pathlib.Path(sys.argv[1])
files = sorted(folder.glob("new/*")) + sorted(folder.glob("*.eml"))
for file in files:
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    part = lambda kind: next(p.get_content() for p in mail.walk() if p.get_content_type() == kind)
    html = part("text/html")
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(html)
    body = tree.find("body")
    print(
        json.dumps(
            {
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "structure": [p.get_content_type() for p in mail.walk()],
                "text": part("text/plain"),
                "html": html,
                "shown": " ".join(" ".join(shown(body)).split()),
                "links": [a.get("href") for a in body.iter("a")],
                "elements": sorted({e.tag for e in tree.iter() if isinstance(e.tag, str)}),
                "mistakes": [f"{place}: {mistake}" for place, mistake, _ in parser.errors],
                "file": file.name,
            }
        )
    )
