"""What a lake on an object store costs in requests: SeaweedFS counts those of each command."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter

KEY = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "loopback"}
BUCKET = "lake"
COUNTED = re.compile(r'^SeaweedFS_s3_request_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$', re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def store():
    """A store on free ports of the loopback; yields the address of its counts. The environment names it as S3."""
    ports = {
        name: free_port()
        for name in (
            ["s3.port", "s3.port.grpc", "s3.port.lance", "metricsPort", "filer.port", "filer.port.grpc"]
            + ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "admin.port", "admin.port.grpc"]
        )
    }
    with tempfile.TemporaryDirectory(prefix="pacbot-bench-") as folder:
        command = [str(pathlib.Path(sys.executable).with_name("weed")), "mini", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += ["-admin.ui=false", "-webdav=false", f"-bucket={BUCKET}", "-s3.port.iceberg=0"]
        command += ["-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock", *(f"-{name}={port}" for name, port in ports.items())]
        log = pathlib.Path(folder) / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(command, cwd=folder, env={**os.environ, **KEY}, stdout=out, stderr=out)
        try:
            until = time.monotonic() + 60
            while "ready to use" not in log.read_text():
                if server.poll() is not None or time.monotonic() > until:
                    sys.exit(f"the store did not start:\n{log.read_text()}")
                time.sleep(0.05)
            endpoint = {"AWS_ENDPOINT": f"http://127.0.0.1:{ports['s3.port']}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
            os.environ.update(KEY | endpoint)
            yield f"http://127.0.0.1:{ports['metricsPort']}/metrics"
        finally:
            server.terminate()
            server.wait()


def counted(address: str) -> Counter:
    """How many requests of each kind were answered since the store began."""
    with urllib.request.urlopen(address) as answer:
        text = answer.read().decode()
    counts: Counter = Counter()
    for line in COUNTED.finditer(text):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line["labels"]))
        counts[labels["type"]] += int(float(line["count"]))
    return counts
