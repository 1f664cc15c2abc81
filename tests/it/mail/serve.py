"""A mail server whose inbox is a Maildir.

    serve.py MAILDIR [--tls starttls|implicit --ca FILE] [--user NAME --password PASSWORD] [--refuse ADDRESS]

Prints `listening on PORT`. With --tls, the certificate of a new authority is written to FILE. A mail to the refused
address is answered 550.
"""
import argparse
import asyncio
import ssl

import trustme
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

parser = argparse.ArgumentParser()
parser.add_argument("maildir")
parser.add_argument("--tls", choices=["starttls", "implicit"])
parser.add_argument("--ca")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--refuse")
arguments = parser.parse_args()


class Inbox(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == arguments.refuse:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        arguments.user.encode(),
        arguments.password.encode(),
    )
    # Not handled: the server answers 535 itself.
    return AuthResult(success=is_right, handled=False)


async def main():
    context = None
    if arguments.tls:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(arguments.ca)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    is_starttls = arguments.tls == "starttls"
    options = {"hostname": "localhost", "loop": asyncio.get_running_loop()}
    if arguments.user:
        # A password over an implicit connection is safe too, which the server cannot see.
        options |= {
            "authenticator": authenticate,
            "auth_required": True,
            "auth_require_tls": is_starttls,
            "auth_exclude_mechanism": [],
        }
    if is_starttls:
        options |= {"tls_context": context, "require_starttls": True}
    inbox = Inbox(arguments.maildir)
    wrapping = context if arguments.tls == "implicit" else None
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(inbox, **options), "127.0.0.1", 0, ssl=wrapping
    )
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
