#!/usr/bin/env python3
"""Starts moto_server on a free loopback port, with our own machine images, until it is stopped.

    python serve.py [--port PORT] [--log FILE]

Prints `listening on PORT` when it answers. Stopping this program stops the server.
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
START_LIMIT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/data.json", timeout=5).close()
        return True
    except (urllib.error.URLError, OSError):
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default=os.devnull, help="where the server's own output goes")
    arguments = parser.parse_args()
    port = arguments.port or free_port()
    program = pathlib.Path(sys.executable).with_name("moto_server")
    environment = dict(os.environ, MOTO_AMIS_PATH=str(HERE / "amis.json"))
    with open(arguments.log, "a", encoding="utf-8") as log:
        server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], env=environment,
                                  stdout=log, stderr=log)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("moto_server did not start; see --log")
            time.sleep(0.1)
        print(f"listening on {port}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
