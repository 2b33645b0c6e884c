"""What Redis does in one step. Lua as Redis has had it since version 2.6; each works on one slot of a Cluster."""

from __future__ import annotations

from typing import Final

ADD: Final = """\
local kept = {}
for i, key in ipairs(KEYS) do
  local old = redis.pcall('GET', key)
  if type(old) == 'string' then
    if redis.call('PTTL', key) < tonumber(ARGV[1]) then redis.call('PEXPIRE', key, ARGV[1]) end
    kept[i] = old
  else
    redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1])
    kept[i] = ARGV[i + 1]
  end
end
return kept
"""
"""Store values under those keys that have none, for ``ARGV[1]`` ms, and return the values that they have then. Those
that they had already will live for so long at least. A key that holds no string is taken for one without a value."""

ANNOUNCE: Final = """\
local number = redis.pcall('INCR', KEYS[1])
if type(number) ~= 'number' or number == 1 then
  redis.call('SET', KEYS[1], ARGV[3])
  number = tonumber(ARGV[3])
end
redis.call('PUBLISH', ARGV[1], string.format('%.0f ', number) .. ARGV[2])
return number
"""
"""Publish the message ``ARGV[2]`` on ``ARGV[1]`` with the next number. Where the store has lost count it goes on with
``ARGV[3]``, a time, so that no number comes twice."""

LAST: Final = """\
local number = redis.pcall('GET', KEYS[1])
number = type(number) == 'string' and tonumber(number)
if not number then
  redis.call('SET', KEYS[1], ARGV[1])
  number = tonumber(ARGV[1])
end
return number
"""
"""Return the last number; where there is none, or what is no number, it is ``ARGV[1]``, so that the first message is the
next one."""
