#!/usr/bin/env bash
# Makes the demo's recordings anew: three days of the estate as `pacbot collect` sees it.
#
#   tests/estate/record.sh OUT
#
# writes OUT/day1, OUT/day2 and OUT/day3, and beside each what is true on that day (OUT/day1.json, …).
# On day 3 the account shop-dev refuses one call. Needs python3.11 and a built `pacbot`; everything that
# listens does so on a free loopback port and is stopped at the end.
set -euo pipefail
out=${1:?usage: record.sh OUT}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seed=${SEED:-42}
regions=us-east-1,eu-west-1

# ---- How pacbot is called. Adapt here, and only here. -------------------------------------------
pacbot=${PACBOT:-$root/target/debug/pacbot}

write_config() { # FILE PORT
    cat >"$1" <<TOML
[aws]
endpoint = "http://127.0.0.1:$2"
regions  = ["${regions//,/\", \"}"]

[aws.organization]
role = "pacbot_ro"

[collect]
types = $(cat "$here/types.json")
TOML
}

collect() { # CONFIG LAKE RECORDING
    "$pacbot" collect --config "$1" --lake "$2" --record "$3"
}

# What shop-dev refuses on day 3: a fault_proxy.py rule without its account.
refused='"fault": "denied", "match": {"service": "rds", "action": "DescribeDBInstances", "account": "%s"}'
# -------------------------------------------------------------------------------------------------

[ -x "$pacbot" ] || { echo "no $pacbot: build it first, or set PACBOT" >&2; exit 64; }
venv=$root/target/estate-venv
work=$(mktemp -d -t estate.XXXXXX)
children=()
cleanup() {
    for child in ${children[@]+"${children[@]}"}; do kill "$child" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT

if ! [ -e "$venv/installed" ] || ! cmp -s "$here/requirements.txt" "$venv/installed"; then
    python3.11 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed"
fi

# Starts a server in the background and sets `port` to what it prints as `listening on PORT`.
start() { # NAME PROGRAM ARGUMENTS…
    local name=$1 program=$2
    shift 2
    "$venv/bin/python" "$here/$program" "$@" >"$work/$name.port" 2>"$work/$name.log" &
    children+=($!)
    for _ in $(seq 600); do
        port=$(sed -n 's/^listening on //p' "$work/$name.port")
        [ -n "$port" ] && return
        kill -0 "${children[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/$name.log" >&2
    exit 1
}

record() { # DAY PORT
    write_config "$work/pacbot.toml" "$2"
    rm -rf "$out/day$1"
    local code=0
    collect "$work/pacbot.toml" "$work/lake" "$out/day$1" || code=$?
    # 2: something could not be collected, which is what day 3 is about.
    [ "$code" -eq 0 ] || [ "$code" -eq 2 ] || { echo "day $1: pacbot ended with $code" >&2; exit 1; }
    echo "day $1: recorded, exit code $code" >&2
}

export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=loopback AWS_EC2_METADATA_DISABLED=true
export PYTHONDONTWRITEBYTECODE=1
unset AWS_SESSION_TOKEN AWS_PROFILE AWS_ENDPOINT_URL
mkdir -p "$out"

start moto serve.py
moto=$port
emulator=http://127.0.0.1:$moto
"$venv/bin/python" "$here/seed.py" --endpoint "$emulator" --seed "$seed" --regions "$regions" --out "$out/day1.json"
record 1 "$moto"
"$venv/bin/python" "$here/change.py" --endpoint "$emulator" --day 2 --truth "$out/day1.json" --out "$out/day2.json"
record 2 "$moto"
"$venv/bin/python" "$here/change.py" --endpoint "$emulator" --day 3 --truth "$out/day2.json" --out "$out/day3.json"
dev=$("$venv/bin/python" -c 'import json, sys
print(next(a["id"] for a in json.load(open(sys.argv[1]))["accounts"] if a["name"] == "shop-dev"))' "$out/day1.json")
# shellcheck disable=SC2059 # the format is ours
printf "[{$refused}]" "$dev" >"$work/rules.json"
start proxy fault_proxy.py --upstream "$emulator" --rules "$work/rules.json"
record 3 "$port"

# What took minutes here takes days in the demo.
"$venv/bin/python" - "$out" <<'PYTHON'
import datetime, json, pathlib, sys

out, first = pathlib.Path(sys.argv[1]), None
for day in range(3):
    file = out / f"day{day + 1}" / "recording.json"
    info = json.loads(file.read_text())
    first = first or datetime.datetime.fromisoformat(info["recorded_at"])
    info["recorded_at"] = (first + datetime.timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    file.write_text(json.dumps(info, indent=2) + "\n")
PYTHON
